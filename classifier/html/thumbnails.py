"""Small images to be put into a page, as many as its size allows."""

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
BEFORE = "data:image/webp;base64,"


def make(rows: Iterable[ImageRow], budget: int) -> dict[str, str]:
    """Returns images as data URIs by their path, the first ones, until these are too long.

    Args:
        rows: of the images, the most important first.
        budget: characters in all.

    Raises:
        StageError: a file is gone or no longer what `validate` saw.
    """
    found: dict[str, str] = {}
    cores = os.cpu_count() or 1
    for row, text in parallel.prefetch_map(_with_row, rows, cores, 4 * cores):
        budget -= len(text)
        if budget < 0:
            break
        found[row.path] = text
    return found


def size(width: int, height: int) -> tuple[int, int]:
    """Returns width and height of an image's thumbnail, in pixels."""
    scale = min(1.0, SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _with_row(row: ImageRow) -> tuple[ImageRow, str]:
    return row, thumbnail(row)


def thumbnail(row: ImageRow) -> str:
    """Returns an image as a data URI."""
    width, height = size(row.width, row.height)
    try:
        with Path(row.path).open("rb") as file:
            pixels = decode.decode_image(file, height, width).pixels
    except (OSError, decode.ImageError):
        raise StageError(
            f"{row.path}: changed while `dvc repro` was running; run it again"
        ) from None
    return uri(Image.fromarray(pixels))


def reshaped(pixels: Pixels, width: int, height: int) -> str:
    """Returns pixels of any shape as a data URI, in the shape of an image.

    Args:
        pixels: uint8 (H, W, 3).
        width: of the image.
        height: likewise.
    """
    return uri(Image.fromarray(pixels).resize(size(width, height)))


def uri(image: Image.Image) -> str:
    """Returns an image as a data URI."""
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4)
    return BEFORE + base64.b64encode(file.getvalue()).decode()
