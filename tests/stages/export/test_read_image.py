from collections import Counter

import numpy as np
import pytest
from PIL import Image

from classifier.images.decode import ImageError, decode_image
from classifier.images.grey_levels import Range
from stages.export.read_image import read_image
from tests.project import SHARED

HARD = SHARED / "images" / "hard"


def draw_transparent(pixels):
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    alpha[5:30, 5:30] = np.arange(25) * 10
    return Image.fromarray(np.dstack([pixels, alpha]))


@pytest.mark.parametrize(
    ("convert", "white"),
    [
        (Image.fromarray, 65535),
        (draw_transparent, 65535),
        (lambda pixels: Image.fromarray(pixels).convert("P"), 65535),
        (lambda pixels: Image.fromarray(pixels[..., 0]), 65535),
        (lambda pixels: Image.fromarray(pixels[..., 0].astype(np.uint16) * 250 + 7), 65535),
        (lambda pixels: Image.fromarray(pixels[..., 0].astype(np.uint16) * 16 + 7), 4095),
    ],
)
def test_images_are_read_as_in_the_pipeline(convert, white, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    path = tmp_path / "image.png"
    convert(pixels).save(path)
    expected = decode_image(path.read_bytes(), 40, 50, ranges={"16-bit": Range(0, white)}).pixels
    assert (read_image(path, (50, 40), range_16=(0, white)) == expected).all()


def test_large_jpegs_are_decoded_at_a_fraction_of_their_size(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (600, 900, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "image.jpg", exif=exif)
    assert read_image(tmp_path / "image.jpg", (75, 100)).shape == (113, 75, 3)  # an eighth


@pytest.mark.filterwarnings("ignore")
def test_odd_images_are_read_as_in_the_pipeline():
    differences: Counter = Counter()
    ranges = {"16-bit": Range(0, 65535), "32-bit": Range(0, 1)}
    usable = (path for path in sorted(HARD.rglob("*.*")) if "crashers" not in path.parts)
    for path in list(usable)[::4]:
        try:
            expected = decode_image(path.read_bytes(), 75, 100, 1_000_000, ranges).pixels
        except ImageError:
            continue
        pixels = read_image(path, (100, 75), resize=True).astype(int)
        differences[int(np.abs(pixels - expected).max())] += 1
    if not differences:
        pytest.skip("no odd images in the folder `shared` beside the project")
    assert set(differences) <= {0, 1} and differences[0] > 0.9 * differences.total()
