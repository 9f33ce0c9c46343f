import io

import numpy as np
import pytest
from PIL import Image

from classifier.images.decode import ImageError, decode_image
from classifier.images.grey_levels import Range, range_of_set

RAMP = np.linspace(0, 1, 300)[None] * np.ones((300, 1))


def encoded(values: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG" if values.dtype == np.uint16 else "TIFF", **options)
    return file.getvalue()


def integers(white: int) -> bytes:
    return encoded((RAMP * white).astype(np.uint16))


def floats(low: float, high: float) -> np.ndarray:
    return (RAMP * (high - low) + low).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_white_is_that_of_the_depth_that_holds_the_values(bits):
    pixels = decode_image(integers(2**bits - 1), 299, 299).pixels
    assert len(np.unique(pixels)) > 250
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.mark.parametrize("limits", [(0, 1), (0, 1.01), (-30, -5), (-1, 1), (-1000, 3000), (0, 255)])
def test_floats_are_never_black(limits):
    pixels = decode_image(encoded(floats(*limits)), 299, 299).pixels
    assert len(np.unique(pixels)) > 250


def test_one_bright_pixel_does_not_darken_the_others():
    values = floats(0, 1)
    values[7, 7] = 50
    assert np.ptp(decode_image(encoded(values), 299, 299).pixels) > 250


def test_a_given_range_is_used_for_its_depth_alone():
    ranges = {"16-bit": Range(0, 4095)}
    assert decode_image(integers(1023), 75, 75, ranges=ranges).pixels.max() in range(60, 66)
    assert decode_image(encoded(floats(0, 1)), 75, 75, ranges=ranges).pixels.max() > 250


def test_the_transparent_level_of_a_16_bit_png_becomes_white():
    data = encoded(np.full((90, 90), 300, np.uint16), transparency=300)
    assert (decode_image(data, 75, 75).pixels == 255).all()


def test_values_that_are_not_finite_are_unreadable():
    with pytest.raises(ImageError, match="unreadable: some grey levels are not finite"):
        decode_image(encoded(np.full((9, 9), np.inf, np.float32)), 75, 75)


@pytest.mark.parametrize(
    ("depth", "images", "expected"),
    [
        ("16-bit", [(3, 900), (0, 4000), (9, 2000)], (0, 4095)),
        ("16-bit", [*[(0, 4000)] * 9, (0, 65535)], (0, 4095)),
        ("32-bit", [(0, 0.2), (0, 0.9), (0.1, 0.4)], (0, 1)),
        ("32-bit", [(-30, -6), (-28, -5), (-29, -7)], (-30, -5)),
        ("32-bit", [*[(-1, 1)] * 9, (-9999, 1)], (-1, 1)),
        ("32-bit", [(7.5, 7.5)], (7.5, 8.5)),
    ],
)
def test_the_range_of_a_set_holds_its_images_odd_ones_aside(depth, images, expected):
    assert range_of_set(depth, np.array(images, float)) == expected
