from typing import get_args

import pytest

from stages.train import optimizers
from stages.train.optimizers import Optimizer
from tests.project import ROOT

NAMES = get_args(Optimizer)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_a_keras_optimizer(name):
    optimizer = optimizers.build(name, 0.25)
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.learning_rate) == 0.25


def test_momentum_is_passed_to_sgd():
    assert optimizers.build("sgd", 0.1, momentum=0.9).momentum == 0.9
    assert optimizers.build("sgd", 0.1).momentum == 0


def test_params_yaml_names_all_of_them():
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    comments = [line.split("# ")[1] for line in lines if "optimizer: " in line]
    assert comments == [f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"] * 2
