import numpy as np
import pytest
from PIL import Image

from classifier.inference.openvino_engine import openvino
from stages.export import resize_ops

SIZES = [(200, 300), (301, 77), (60, 80), (20, 30), (1, 500), (1, 1), (2000, 2500)]
HEIGHT, WIDTH = 60, 80


def image(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def apart(found: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Returns how many levels each value is from Pillow's."""
    image = Image.fromarray(pixels)
    theirs = image.resize((WIDTH, image.height), Image.Resampling.BILINEAR)
    theirs = theirs.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    return np.abs(found.astype(int) - np.asarray(theirs, int))


@pytest.fixture(scope="module")
def in_openvino():
    ov = openvino()
    taken, given = resize_ops.openvino_pixels(ov, HEIGHT, WIDTH)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    run = ov.compile_model(ov.Model([given], [taken], "resize"), "CPU", exact)
    return lambda pixels: run(pixels)[0]


@pytest.fixture(scope="module")
def in_tensorflow():
    return lambda pixels: resize_ops.tensorflow_resized(pixels, HEIGHT, WIDTH).numpy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", ["in_openvino", "in_tensorflow"])
def test_images_are_resized_as_pillow_does_it(which, size, request):
    pixels = image(*size)
    (found,) = request.getfixturevalue(which)(pixels[None])
    assert apart(found, pixels).max() == 0


def test_of_very_large_images_single_values_are_a_level_away(in_openvino):
    pixels = image(50, 12_000)
    levels = apart(in_openvino(pixels[None])[0], pixels)
    assert levels.max() <= 1
    assert (levels > 0).mean() < 1e-3


@pytest.mark.parametrize("which", ["in_openvino", "in_tensorflow"])
def test_several_images_are_resized_each_by_itself(which, request):
    run, pixels = (
        request.getfixturevalue(which),
        np.stack([image(90, 120), image(90, 120) // 2]),
    )
    assert np.array_equal(run(pixels), np.concatenate([run(pixels[:1]), run(pixels[1:])]))
