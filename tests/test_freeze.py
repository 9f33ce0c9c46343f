import numpy as np
import pytest

from stages import base, freeze
from stages.engine import Engine
from stages.errors import StageError
from stages.freeze import Params


def settings(cut: str = "mixed2", height: int = 75, width: int = 75) -> Params:
    return Params(cut=cut, pooling="avg", image_height=height, image_width=width)


def uncut(weights, cut, pixels):
    """Keras's own InceptionV3 and preprocessing, run to a layer and averaged."""
    from stages.backend import keras

    model = keras.applications.InceptionV3(include_top=False, weights=None)
    model.load_weights(weights)
    inner = keras.Model(model.inputs[0], model.get_layer(cut).output)
    scaled = keras.applications.inception_v3.preprocess_input(pixels.astype(np.float32))
    return np.asarray(inner(scaled, training=False)).mean(axis=(1, 2))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (3, height, width, 3), np.uint8)


def write(weights, chosen, folder):
    folder.mkdir(exist_ok=True)
    model = freeze.fold_batch_norm(freeze.inception(weights, chosen))
    freeze.write_model(freeze.with_scaling(model), folder)
    return folder


@pytest.mark.parametrize(
    ("cut", "height", "width"), [("mixed0", 75, 75), ("mixed5", 90, 121), ("mixed10", 75, 200)]
)
def test_features_are_the_uncut_keras_models(cut, height, width, random_weights, tmp_path):
    pixels = noise(height, width)
    engine = Engine(write(random_weights, settings(cut, height, width), tmp_path))
    expected = uncut(random_weights, cut, pixels)
    assert engine.features(pixels, 3) == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def test_features_of_photographs_with_real_weights(real_weights, photographs, tmp_path):
    from stages.images import decode

    pixels = np.stack([decode(path.read_bytes(), 299, 299).pixels for path in photographs[:4]])
    engine = Engine(write(real_weights, settings("mixed10", 299, 299), tmp_path))
    expected = uncut(real_weights, "mixed10", pixels)
    assert engine.features(pixels, 4) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_folding_is_exact_for_batch_norms_that_change_much(random_weights):
    from stages.backend import keras

    model = freeze.inception(random_weights, settings("mixed3"))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean = rng.normal(0, 0.5, (2, *layer.beta.shape))
            layer.set_weights([beta, mean, rng.uniform(0.2, 3, layer.beta.shape)])
    folded = freeze.fold_batch_norm(model)
    difference, largest = freeze.largest_difference(model, folded)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    assert 0 < difference < 1e-5 * largest


def test_every_cut_has_its_number_of_features(random_weights):
    counts = {cut: freeze.inception(random_weights, settings(cut)).output_shape for cut in CUTS}
    assert [shape[1] for shape in counts.values()] == [256, 288, 288, 768, 768, 1280, 2048]


CUTS = ("mixed0", "mixed1", "mixed2", "mixed3", "mixed7", "mixed8", "mixed10")


def test_the_same_weights_make_the_same_bytes(random_weights, tmp_path):
    folders = [write(random_weights, settings(), tmp_path / name) for name in ("one", "two")]
    for name in (base.ARCHITECTURE, base.WEIGHTS):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_file_of_other_weights_is_refused(tmp_path):
    from stages.backend import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "other.weights.h5")
    (tmp_path / "other.weights.h5").rename(tmp_path / "other.h5")
    with pytest.raises(StageError, match="must hold the weights of InceptionV3 without top"):
        freeze.inception(tmp_path / "other.h5", settings())


@pytest.mark.parametrize("pixels", [75, 76, 299, 1000])
def test_any_size_from_75_pixels_is_allowed(pixels):
    assert settings(height=pixels, width=75).image_height == pixels
