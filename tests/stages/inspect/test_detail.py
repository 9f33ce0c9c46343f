import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from classifier.cache.results import ResultCache
from classifier.dataset.manifest import ImageRow
from classifier.images.decode import Pixels, decode_image
from stages.inspect import detail
from stages.inspect.near_duplicates import DuplicatePairs

RNG = np.random.default_rng(1)


def scene() -> Image.Image:
    """Returns blobs of colour with a little texture, as a photograph has them."""
    coarse = RNG.integers(60, 200, (9, 12, 3)).astype(np.uint8)
    image = Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)
    return Image.fromarray(
        (np.asarray(image) + RNG.integers(-9, 9, (300, 400, 3))).astype(np.uint8)
    )


def pixels(image: Image.Image, quality: int = 92, side: int = 200) -> Pixels:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return decode_image(file.getvalue(), side, side).pixels


def drawn(image: Image.Image, draw: str, colour: str) -> Image.Image:
    copy = image.copy()
    if draw == "lamp":
        ImageDraw.Draw(copy).ellipse((170, 110, 200, 140), colour)
    else:
        ImageDraw.Draw(copy).line((100, 90, 150, 120), colour, 4)
    return copy


SCENE = scene()


@pytest.mark.parametrize(
    "copy",
    [
        pixels(SCENE, 30),
        pixels(SCENE, 10),
        pixels(SCENE.resize((200, 150))),
        pixels(SCENE.resize((267, 200)), 50),
        pixels(ImageEnhance.Brightness(SCENE).enhance(1.25)),
        pixels(SCENE.convert("L").convert("RGB")),
    ],
)
def test_a_copy_differs_by_noise_only(copy):
    assert detail.difference(pixels(SCENE), copy) <= detail.MAX_DETAIL
    assert detail.difference(copy, pixels(SCENE)) <= detail.MAX_DETAIL


def test_a_scratch_or_the_colour_of_a_lamp_is_no_noise():
    red, green = (pixels(drawn(SCENE, "lamp", colour)) for colour in ("red", "green"))
    scratched = pixels(drawn(SCENE, "scratch", "black"))
    for one, other in ((red, green), (pixels(SCENE), scratched), (red, pixels(SCENE))):
        assert (
            min(detail.difference(one, other), detail.difference(other, one))
            > 2 * detail.MAX_DETAIL
        )


def test_images_are_compared_at_the_size_of_the_smaller_one():
    row = ImageRow("", "train", "", "", 640, 480, "JPEG")
    assert detail.side_of(row, row) == 256
    assert detail.side_of(row, row._replace(width=90, height=120)) == 90
    assert detail.side_of(row, row._replace(height=9)) == 64


@pytest.mark.parametrize("choose", [np.maximum, np.minimum])
def test_the_range_of_neighbours_is_that_of_pillow(choose):
    image_filter = {np.maximum: ImageFilter.MaxFilter, np.minimum: ImageFilter.MinFilter}[choose]
    expected = np.asarray(SCENE.filter(image_filter(3)))
    assert np.array_equal(detail._of_neighbours(np.asarray(SCENE), choose), expected)


def test_images_are_compared_once(tmp_path):
    rows = {}
    for number, image in enumerate((SCENE, drawn(SCENE, "lamp", "red"), SCENE.resize((200, 150)))):
        path = tmp_path / f"{number}.png"
        image.save(path)
        sizes = (*image.size, "PNG")
        rows[number] = ImageRow(str(path), "train", "", f"{number:064}", *sizes)
    pairs = DuplicatePairs(np.array([0, 0]), np.array([1, 2]), np.zeros(2), np.zeros(2, bool))
    cache = ResultCache(tmp_path)
    first = detail.keep_copies(pairs, rows.__getitem__, cache)
    for row in rows.values():
        (tmp_path / row.path).unlink()
    detail.read.cache_clear()
    again = detail.keep_copies(pairs, rows.__getitem__, cache)
    assert first.other.tolist() == again.other.tolist() == [2]
