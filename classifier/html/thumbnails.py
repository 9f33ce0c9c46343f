"""Thumbnails as data URIs, to be embedded in a page."""

import base64
import io
import os
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from classifier.common import parallel
from classifier.common.errors import StageError
from classifier.dataset.manifest import ImageRow
from classifier.images import decode
from classifier.images.decode import Pixels

SIDE = 112  # pixels of the longer side
QUALITY = 60  # of WebP
PREFIX = "data:image/webp;base64,"


def make(rows: Iterable[ImageRow], budget: int) -> dict[str, str]:
    """Returns thumbnails as data URIs by path, of the first images that fit into the budget.

    Args:
        rows: the images, the most important first.
        budget: total number of characters.

    Raises:
        StageError: a file is missing, or is not the one that `validate` read.
    """
    uris: dict[str, str] = {}
    cores = os.cpu_count() or 1
    for path, uri in parallel.prefetch_map(_path_and_uri, rows, cores, 4 * cores):
        budget -= len(uri)
        if budget < 0:
            break
        uris[path] = uri
    return uris


def size(width: int, height: int) -> tuple[int, int]:
    """Returns the width and height, in pixels, of the thumbnail of an image."""
    scale = min(1.0, SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _path_and_uri(row: ImageRow) -> tuple[str, str]:
    width, height = size(row.width, row.height)
    try:
        with Path(row.path).open("rb") as file:
            pixels = decode.decode_image(file, height, width).pixels
    except (OSError, decode.ImageError):
        raise StageError(
            f"{row.path}: changed while `dvc repro` was running; run it again"
        ) from None
    return row.path, _uri(Image.fromarray(pixels))


def from_pixels(pixels: Pixels, width: int, height: int) -> str:
    """Returns the thumbnail of an image, made from pixels that were resized to any shape.

    Args:
        pixels: uint8 (H, W, 3).
        width: of the image itself, in pixels.
        height: likewise.
    """
    return _uri(Image.fromarray(pixels).resize(size(width, height)))


def _uri(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4)
    return PREFIX + base64.b64encode(file.getvalue()).decode()
