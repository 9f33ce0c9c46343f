"""Thumbnails as data URIs, to be embedded in a page."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from classifier.cache import fingerprint
from classifier.cache.results import WINDOW, ResultCache, Task
from classifier.common import objects, parallel
from classifier.common.errors import StageError
from classifier.dataset.manifest import ImageRow
from classifier.images import conversion, decode
from classifier.images.decode import DecodedImage

SIDE = 112  # pixels of the longer side
QUALITY = 60  # of WebP
PREFIX = "data:image/webp;base64,"


class Thumbnail(NamedTuple):
    """A data URI; width and height in pixels."""

    uri: str
    width: int
    height: int


def make(rows: Iterable[ImageRow], budget: int, cache: ResultCache) -> dict[str, Thumbnail]:
    """Returns thumbnails by path, of the first images that fit into the budget.

    Args:
        rows: the images, the most important first.
        budget: total number of characters.
        cache: has the thumbnails made before; the others are added.

    Raises:
        StageError: a file is missing, or is not the one that `validate` read.
    """
    thumbnails: dict[str, Thumbnail] = {}
    recipe = fingerprint.of_thumbnail()
    for window in parallel.batched(rows, WINDOW):
        tasks = [Task((row.sha256,), f"{recipe}\n{row.conversion}") for row in window]
        files = cache.complete(dict(zip(tasks, window, strict=True)), _make_one)
        for row, task in zip(window, tasks, strict=True):
            uri = _uri(files[task])
            budget -= len(uri)
            if budget < 0:
                return thumbnails
            thumbnails[row.path] = Thumbnail(uri, *_size(row.width, row.height))
    return thumbnails


def _make_one(row: ImageRow) -> bytes:
    width, height = _size(row.width, row.height)
    return webp(read(row, height, width), SIDE)


def read(row: ImageRow, height: int, width: int) -> DecodedImage:
    """Returns an image of the dataset, resized.

    Raises:
        StageError: the file is missing, or is not the one that `validate` read.
    """
    try:
        with objects.opened(Path(row.path), row.sha256) as file:
            ranges = conversion.ranges(row.conversion)
            return decode.decode_image(file, height, width, ranges=ranges)
    except (OSError, decode.ImageError) as error:
        raise StageError(objects.changed(row.path, error)) from None


def _size(width: int, height: int, side: int = SIDE) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def of_file(path: str, max_pixels: int) -> str:
    """Returns the thumbnail of a file as a data URI; empty if it is missing or no image."""
    data = webp_of_file(path, max_pixels, SIDE)
    return _uri(data) if data else ""


def webp_of_file(path: str, max_pixels: int, side: int) -> bytes:
    """Returns an image of `side` pixels at most as WebP; empty if it is missing or no image."""
    try:
        with objects.opened(Path(path)) as file:
            return webp(decode.decode_image(file, side, side, max_pixels), side)
    except (OSError, decode.ImageError):
        return b""


def data_uri(image: DecodedImage) -> str:
    """Returns the thumbnail of an image that was resized to any shape, as a data URI."""
    return _uri(webp(image, SIDE))


def webp(image: DecodedImage, side: int) -> bytes:
    """Returns an image that was resized to any shape, in its own shape as WebP."""
    file = io.BytesIO()
    small = Image.fromarray(image.pixels).resize(_size(image.width, image.height, side))
    small.save(file, "WEBP", quality=QUALITY, method=2)  # 4: twice the time, 6 % smaller
    return file.getvalue()


def _uri(webp: bytes) -> str:
    return PREFIX + base64.b64encode(webp).decode()
