from dataclasses import asdict
from pathlib import Path

import yaml

from classifier.serving import models
from tests.project import ROOT


def test_without_a_project_the_limits_are_the_defaults_of_params_yaml():
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["validate"]
    limits = asdict(models.limits(Path("models/exported")))
    assert limits == {name: values[name] for name in limits}
