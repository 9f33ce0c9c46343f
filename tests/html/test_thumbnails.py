import base64
import io
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.cache.results import ResultCache
from classifier.common.errors import StageError
from classifier.dataset.manifest import ImageRow
from classifier.html import thumbnails
from classifier.html.thumbnails import Thumbnail


@pytest.fixture
def rows(tmp_path):
    rows = []
    for number, size in enumerate([(300, 200), (40, 90), (2000, 10)]):
        path = tmp_path / f"{number}.png"
        noise = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(noise).save(path)
        rows.append(ImageRow(str(path), "train", "a", str(number) * 64, *size, "PNG"))
    return rows


def made(rows: list[ImageRow], budget: int) -> dict[str, Thumbnail]:
    with closing(ResultCache(Path(rows[0].path).with_name("cache"))) as cache:
        return thumbnails.make(rows, budget, cache)


def opened(uri: str) -> Image.Image:
    assert uri.startswith(thumbnails.PREFIX)
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(thumbnails.PREFIX))))


def test_thumbnails_keep_the_shape_and_are_never_larger_than_the_image(rows):
    every = made(rows, 10**9)
    assert [opened(every[row.path].uri).size for row in rows] == [(112, 75), (40, 90), (112, 1)]
    assert all(opened(uri).size == (width, height) for uri, width, height in every.values())


def test_the_first_images_get_thumbnails_until_the_budget_is_used_up(rows):
    sizes = [len(one.uri) for one in made(rows, 10**9).values()]
    assert list(made(rows, sizes[0] + sizes[1])) == [row.path for row in rows[:2]]
    assert made(rows, sizes[0] - 1) == {}


def test_the_same_image_gives_the_same_bytes(rows):
    assert made(rows, 10**9) == made(rows[::-1], 10**9)


def test_a_missing_image_is_an_error_that_names_it(rows):
    gone = ImageRow("gone.png", "train", "a", "0" * 64, 9, 9, "PNG")
    with pytest.raises(StageError, match=r"gone\.png: changed while `dvc repro` was running"):
        made([*rows, gone], 10**9)


def test_a_thumbnail_is_made_once(rows):
    before = made(rows, 10**9)
    for row in rows:
        Path(row.path).unlink()
    assert made(rows, 10**9) == before
