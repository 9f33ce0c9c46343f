import numpy as np
import pytest

from classifier.backbone import upper_blocks
from classifier.common.errors import StageError
from classifier.images import decode
from classifier.inference import base, engine
from stages import freeze
from stages.freeze import Params

ENGINES = [("openvino", "float32"), ("tensorflow", "float32"), ("openvino", "int8")]


def settings(
    cut: str = "mixed2",
    height: int = 75,
    width: int = 75,
    kind: str = "openvino",
    precision: str = "float32",
    pooling: str = "avg",
) -> Params:
    return Params(cut, pooling, height, width, kind, precision)


def uncut(weights, cut, pixels):
    """Keras's own InceptionV3 and preprocessing, run to a layer and averaged."""
    from classifier.inference.keras_backend import keras

    model = keras.applications.InceptionV3(include_top=False, weights=None)
    model.load_weights(weights)
    inner = keras.Model(model.inputs[0], model.get_layer(cut).output)
    scaled = keras.applications.inception_v3.preprocess_input(pixels.astype(np.float32))
    return np.asarray(inner(scaled, training=False)).mean(axis=(1, 2))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (3, height, width, 3), np.uint8)


def write(weights, chosen, folder):
    folder.mkdir(exist_ok=True)
    model, rest = freeze.inception(weights, chosen)
    about = freeze.describe(chosen, model, "random")
    freeze.write(freeze.fold_batch_norm(model), folder, about)
    if rest:
        upper_blocks.write(folder, rest)
    return folder


@pytest.mark.parametrize("kind", ["openvino", "tensorflow"])
@pytest.mark.parametrize(
    ("cut", "height", "width"), [("mixed0", 75, 75), ("mixed5", 90, 121), ("mixed10", 75, 200)]
)
def test_features_are_the_uncut_keras_models(kind, cut, height, width, random_weights, tmp_path):
    pixels = noise(height, width)
    network = engine.load(write(random_weights, settings(cut, height, width, kind), tmp_path))
    expected = uncut(random_weights, cut, pixels)
    assert network.features(pixels) == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def decoded(photographs):
    return np.stack(
        [decode.decode_image(path.read_bytes(), 299, 299).pixels for path in photographs[:4]]
    )


@pytest.mark.parametrize("kind", ["openvino", "tensorflow"])
def test_features_of_photographs_with_real_weights(kind, real_weights, photographs, tmp_path):
    chosen = settings("mixed10", 299, 299, kind)
    network = engine.load(write(real_weights, chosen, tmp_path))
    expected = uncut(real_weights, "mixed10", decoded(photographs))
    found = network.features(decoded(photographs))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_int8_is_near_to_float32_on_photographs(real_weights, photographs, tmp_path):
    chosen = settings("mixed8", 299, 299, precision="int8")
    network = engine.load(write(real_weights, chosen, tmp_path))
    expected = uncut(real_weights, "mixed8", decoded(photographs))
    found = network.features(decoded(photographs))
    assert (found != expected).any()
    assert freeze.min_cosine(found, expected) > 0.99


def test_folding_is_exact_for_batch_norms_that_change_much(random_weights):
    from classifier.inference.keras_backend import keras

    model, _ = freeze.inception(random_weights, settings("mixed3"))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean = rng.normal(0, 0.5, (2, *layer.beta.shape))
            layer.set_weights([beta, mean, rng.uniform(0.2, 3, layer.beta.shape)])
    folded = freeze.fold_batch_norm(model)
    pixels = rng.uniform(-1, 1, (2, 75, 75, 3)).astype(np.float32)
    before, after = (np.asarray(one(pixels, training=False)) for one in (model, folded))
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    assert 0 < np.abs(before - after).max() < 1e-5 * before.max()


def test_every_cut_has_its_number_of_features(random_weights):
    counts = {cut: freeze.inception(random_weights, settings(cut))[0].output_shape for cut in CUTS}
    assert [shape[1] for shape in counts.values()] == [256, 288, 288, 768, 768, 1280, 2048]


CUTS = ("mixed0", "mixed1", "mixed2", "mixed3", "mixed7", "mixed8", "mixed10")


@pytest.mark.parametrize(("kind", "precision"), ENGINES)
def test_the_same_weights_make_the_same_bytes(kind, precision, random_weights, tmp_path):
    chosen = settings("mixed1", kind=kind, precision=precision)
    folders = [write(random_weights, chosen, tmp_path / name) for name in ("one", "two")]
    contents = [{p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]
    names = {"openvino": {"base.xml", "base.bin"}, "tensorflow": {base.ARCHITECTURE, base.WEIGHTS}}
    assert set(contents[0]) == {base.INFO, *names[kind]}


@pytest.mark.parametrize(
    ("kind", "precision", "device", "expected"),
    [
        ("auto", "float32", "CPU", "openvino"),
        ("auto", "float32", "GPU", "tensorflow"),
        ("auto", "int8", "GPU", "openvino"),
        ("openvino", "float32", "GPU", "openvino"),
        ("tensorflow", "float32", "CPU", "tensorflow"),
    ],
)
def test_auto_becomes_an_engine(kind, precision, device, expected):
    assert freeze.resolved(settings(kind=kind, precision=precision), device) == expected


def test_int8_on_tensorflow_is_refused():
    with pytest.raises(StageError, match=r"freeze.precision must be float32 with engine tensor"):
        settings(kind="tensorflow", precision="int8")


def test_the_likeness_is_that_of_the_least_alike_image():
    ones = np.ones((3, 4))
    others = np.array([[2, 2, 2, 2], [1, 1, 1, 0], [3, 3, 3, 3]])
    assert freeze.min_cosine(ones, others) == pytest.approx(3 / np.sqrt(12))
    assert freeze.min_cosine(ones, 5 * ones) == pytest.approx(1)


def test_a_file_of_other_weights_is_refused(tmp_path):
    from classifier.inference.keras_backend import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "other.weights.h5")
    (tmp_path / "other.weights.h5").rename(tmp_path / "other.h5")
    with pytest.raises(StageError, match="must hold the weights of InceptionV3 without top"):
        freeze.inception(tmp_path / "other.h5", settings())


@pytest.mark.parametrize("pixels", [75, 76, 299, 1000])
def test_any_size_from_75_pixels_is_allowed(pixels):
    assert settings(height=pixels, width=75).image_height == pixels
