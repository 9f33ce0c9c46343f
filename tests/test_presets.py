"""Every file in presets/ can replace params.yaml."""

import pytest
import yaml

from classifier.common import params
from tests.common.test_params import DEFAULTS, PARAMS
from tests.project import ROOT

PRESETS = sorted((ROOT / "presets").glob("*.yaml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_has_every_value_of_params_yaml(path):
    preset = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {part: list(values) for part, values in preset.items()} == {
        part: list(values) for part, values in DEFAULTS.items()
    }
    for section, kind in PARAMS.items():
        params.load(section, kind, path)


def test_the_recipe_of_2017_has_the_numbers_of_the_script():
    preset = yaml.safe_load((ROOT / "presets" / "recipe-2017.yaml").read_text(encoding="utf-8"))
    freeze, train = preset["freeze"], preset["train"]
    assert freeze["layers"] == ["mixed8"]
    assert freeze["image_height"] == freeze["image_width"] == 128
    phases = [
        [train[f"{phase}{name}"] for name in ("optimizer", "epochs", "batch_size")]
        for phase in ("", "fine_tune_")
    ]
    assert phases == [["rmsprop", 2, 4], ["sgd", 100, 4]]
    assert (train["fine_tune_learning_rate"], train["fine_tune_momentum"]) == (1e-4, 0.9)


def test_layer_248_of_keras_the_last_that_the_script_froze_is_mixed8():
    from classifier.inference.keras_backend import keras

    layers = keras.applications.InceptionV3(include_top=False, weights=None).layers
    assert layers[248].name == "mixed8"
