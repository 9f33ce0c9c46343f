import numpy as np
import pytest

from classifier.backbone import inception
from classifier.common.errors import StageError
from tests.frozen_base import freeze_params


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        ("mixed0", 256),
        ("mixed1", 288),
        ("mixed3", 768),
        ("mixed8", 1280),
        ("mixed10", 2048),
        pytest.param("mixed2", 288, marks=pytest.mark.slow),
        pytest.param("mixed7", 768, marks=pytest.mark.slow),
    ],
)
def test_the_last_layer_determines_the_number_of_features(layer, channels, random_weights):
    model, upper = inception.load(random_weights, freeze_params(layer))
    assert model.output_shape == (None, channels)
    assert upper is None


def test_folding_is_exact_for_batch_norms_that_change_much(random_weights):
    from classifier.inference.keras_backend import keras

    model, _ = inception.load(random_weights, freeze_params("mixed3"))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean = rng.normal(0, 0.5, (2, *layer.beta.shape))
            layer.set_weights([beta, mean, rng.uniform(0.2, 3, layer.beta.shape)])
    folded = inception.fold_batch_norm(model)
    pixels = rng.uniform(-1, 1, (2, 75, 75, 3)).astype(np.float32)
    before, after = (np.asarray(one(pixels, training=False)) for one in (model, folded))
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    assert 0 < np.abs(before - after).max() < 1e-5 * before.max()


def test_weights_of_another_model_are_refused(tmp_path):
    from classifier.inference.keras_backend import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "other.weights.h5")
    path = (tmp_path / "other.weights.h5").rename(tmp_path / "other.h5")
    with pytest.raises(StageError, match="must hold the weights of InceptionV3 without its class"):
        inception.load(path, freeze_params())
