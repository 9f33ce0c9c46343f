import re

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.images import decode
from classifier.inference import base, engine
from stages import freeze
from tests.frozen_base import ENGINES, freeze_params, keras_features, noise, write_base

SIDE = 149  # pixels of the photographs; int8 is closer at 299, where NNCF takes four times as long


@pytest.mark.parametrize("name", ["openvino", "tensorflow"])
@pytest.mark.parametrize(
    ("layers", "height", "width"),
    [
        ("mixed0", 75, 75),
        ("mixed0 mixed1", 75, 75),
        pytest.param(" ".join(base.LAYERS), 75, 90, marks=pytest.mark.slow),
        pytest.param("mixed10", 75, 200, marks=pytest.mark.slow),
        pytest.param("mixed5", 90, 121, marks=pytest.mark.slow),
    ],
)
def test_features_equal_those_of_the_whole_keras_model(
    name, layers, height, width, random_weights, tmp_path
):
    pixels = noise(height, width)
    write_base(random_weights, freeze_params(layers, height, width, name), tmp_path)
    features = engine.load(tmp_path).features(pixels)
    expected = keras_features(random_weights, layers, pixels)
    assert features == pytest.approx(expected, abs=1e-4 * float(expected.max()))


@pytest.fixture(scope="module")
def pixels(photographs):
    images = [decode.decode_image(path.read_bytes(), SIDE, SIDE) for path in photographs[:4]]
    return np.stack([image.pixels for image in images])


@pytest.mark.slow
def test_real_weights_give_photographs_kerass_features(real_weights, pixels, tmp_path):
    expected = keras_features(real_weights, "mixed8 mixed10", pixels)
    for name in ("openvino", "tensorflow"):
        settings = freeze_params("mixed8 mixed10", SIDE, SIDE, name)
        write_base(real_weights, settings, tmp_path / name)
        features = engine.load(tmp_path / name).features(pixels)
        assert features == pytest.approx(expected, rel=1e-4, abs=1e-4), name


@pytest.mark.slow
def test_int8_is_close_to_float32_on_photographs(real_weights, pixels, tmp_path):
    layers = "mixed2 mixed8 mixed10"
    write_base(real_weights, freeze_params(layers, SIDE, SIDE, precision="int8"), tmp_path)
    features = engine.load(tmp_path).features(pixels)
    expected = keras_features(real_weights, layers, pixels)
    assert (features != expected).any()
    sizes = base.read_info(tmp_path).layer_sizes
    assert freeze.min_cosine(features, expected, sizes) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), ENGINES)
def test_the_same_weights_give_the_same_bytes(name, precision, random_weights, tmp_path):
    settings = freeze_params("mixed1", engine=name, precision=precision)
    folders = [write_base(random_weights, settings, tmp_path / copy) for copy in ("one", "two")]
    contents = [{p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]
    names = {"openvino": {"base.xml", "base.bin"}, "tensorflow": {base.ARCHITECTURE, base.WEIGHTS}}
    assert set(contents[0]) == {base.INFO, *names[name]}


@pytest.mark.parametrize(
    ("name", "precision", "device", "expected"),
    [
        ("auto", "float32", "CPU", "openvino"),
        ("auto", "float32", "GPU", "tensorflow"),
        ("auto", "int8", "GPU", "openvino"),
        ("openvino", "float32", "GPU", "openvino"),
        ("tensorflow", "float32", "CPU", "tensorflow"),
    ],
)
def test_auto_chooses_the_engine_by_device_and_precision(name, precision, device, expected):
    settings = freeze_params(engine=name, precision=precision)
    assert freeze.resolve_engine(settings, device) == expected


def test_int8_with_tensorflow_is_refused():
    with pytest.raises(StageError, match=r"freeze.precision must be float32 with engine tensor"):
        freeze_params(engine="tensorflow", precision="int8")


@pytest.mark.parametrize("side", [75, 76, 299, 1000])
def test_any_size_from_75_pixels_is_allowed(side):
    assert freeze_params(height=side, width=75).image_height == side


def test_the_cosine_is_that_of_the_least_similar_image_and_layer():
    ones = np.ones((3, 4))
    others = np.array([[2, 2, 2, 2], [1, 1, 1, 0], [3, 3, 3, 3]])
    assert freeze.min_cosine(ones, others, [4]) == pytest.approx(3 / np.sqrt(12))
    assert freeze.min_cosine(ones, others, [2, 2]) == pytest.approx(1 / np.sqrt(2))
    assert freeze.min_cosine(ones, 5 * ones, [1, 3]) == pytest.approx(1)


def test_a_network_that_computes_zeros_is_an_error_with_a_remedy():
    zeros = np.zeros((2, 4), np.float32)
    for bad in (zeros, np.full_like(zeros, np.nan)):
        cosine = freeze.min_cosine(bad, zeros + 1, [4])
        for device, remedy in {"GPU": "CUDA_VISIBLE_DEVICES=-1", "CPU": "freeze.precision"}.items():
            with pytest.raises(StageError, match=rf"freeze: features must .*{remedy}"):
                freeze.require_similar(cosine, device)
    freeze.require_similar(0.95, "GPU")


def test_maps_of_two_layers_are_refused():
    message = r"freeze.layers must be one layer where pooling is none; got \['mixed8', 'mixed10'\]"
    with pytest.raises(StageError, match=message):
        freeze_params("mixed8 mixed10", pooling="none")
    assert freeze_params("mixed8 mixed8", pooling="none").pooling == "none"


def test_neither_order_nor_repetition_of_layers_changes_a_byte(random_weights, tmp_path):
    orders = ("mixed0 mixed1", "mixed1 mixed0 mixed1")
    folders = [
        write_base(random_weights, freeze_params(layers), tmp_path / str(number))
        for number, layers in enumerate(orders)
    ]
    assert base.files_hash(folders[0]) == base.files_hash(folders[1])
    info = base.read_info(folders[0])
    assert (info.layers, info.layer_sizes) == (("mixed0", "mixed1"), (256, 288))
    assert info.feature_shape == (544,)


def test_the_stage_prints_what_it_froze(inside, set_param, random_weights, capsys):
    for name, value in {"layers": ["mixed0"], "image_height": 75, "image_width": 80}.items():
        set_param(f"freeze.{name}", value)
    set_param("freeze.precision", "float32")
    set_param("freeze.engine", "openvino")
    freeze.main(random_weights)
    assert re.fullmatch(
        r"freeze: InceptionV3 up to layer mixed0, 75x80 -> 256 features, OpenVINO float32 "
        r"\(cosine similarity to Keras >= (0\.999|1\.000)\) -> models/base\n",
        capsys.readouterr().out,
    )
