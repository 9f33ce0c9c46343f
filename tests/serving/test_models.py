from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from threadpoolctl import threadpool_info, threadpool_limits

from classifier.serving import models
from tests.project import ROOT


def test_without_a_project_the_limits_are_the_defaults_of_params_yaml():
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["validate"]
    limits = asdict(models.limits(Path("models/exported")))
    assert limits == {name: values[name] for name in limits}


@pytest.mark.slow
def test_products_of_the_head_take_no_core_from_the_network(results_only):
    with threadpool_limits():  # restores the numbers of threads
        models.load(None)
        blas = [one for one in threadpool_info() if one["user_api"] == "blas"]
        assert blas and {one["num_threads"] for one in blas} == {1}
