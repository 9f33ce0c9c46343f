import numpy as np
import pytest
from PIL import Image

from classifier.inference.openvino_engine import openvino
from stages.export import resize_ops

SIZES = [(200, 300), (301, 77), (60, 80), (20, 30), (1, 500), (1, 1), (2000, 2500)]
HEIGHT, WIDTH = 60, 80


def noise(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def difference_from_pillow(resized: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Returns the absolute difference of each value from Pillow's, in levels."""
    image = Image.fromarray(pixels)
    for size in ((WIDTH, image.height), (WIDTH, HEIGHT)):
        image = image.resize(size, Image.Resampling.BILINEAR)
    return np.abs(resized.astype(int) - np.asarray(image, int))


@pytest.fixture(scope="module")
def in_openvino():
    ov = openvino()
    pixels, resized = resize_ops.openvino_pixels(ov, HEIGHT, WIDTH)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    run = ov.compile_model(ov.Model([resized], [pixels], "resize"), "CPU", exact)
    return lambda pixels: run(pixels)[0]


@pytest.fixture(scope="module")
def in_tensorflow():
    return lambda pixels: resize_ops.tensorflow_resized(pixels, HEIGHT, WIDTH).numpy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resize", ["in_openvino", "in_tensorflow"])
def test_images_are_resized_exactly_as_by_pillow(resize, size, request):
    pixels = noise(*size)
    (resized,) = request.getfixturevalue(resize)(pixels[None])
    assert difference_from_pillow(resized, pixels).max() == 0


def test_single_values_of_very_large_images_differ_by_one_level(in_openvino):
    pixels = noise(50, 12_000)
    difference = difference_from_pillow(in_openvino(pixels[None])[0], pixels)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("resize", ["in_openvino", "in_tensorflow"])
def test_images_of_a_batch_are_resized_independently(resize, request):
    run = request.getfixturevalue(resize)
    pixels = np.stack([noise(90, 120), noise(90, 120) // 2])
    assert np.array_equal(run(pixels), np.concatenate([run(pixels[:1]), run(pixels[1:])]))
