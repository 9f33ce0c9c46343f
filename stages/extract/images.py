"""From the file of an image to its views."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from classifier.cache.files import open_identified
from classifier.common import objects
from classifier.common.errors import StageError
from classifier.common.objects import ContentError
from classifier.images import augmentation, conversion, decode
from classifier.images.augmentation import AugmentationParams, View
from classifier.images.decode import Pixels


class ChangedError(StageError):
    """A file is missing or no longer what `validate` has read."""


def changed(path: str, error: Exception | None = None) -> ChangedError:
    """Returns the error for such a file; without `error` its content is another."""
    return ChangedError(objects.changed(path, error or ContentError()))


def decode_views(
    views: list[View],
    content: bytes | None = None,
    *,
    root: Path = Path(),
    height: int,
    width: int,
    ranges: AugmentationParams,
) -> list[Pixels]:
    """Returns views of one image, each uint8 (height, width, 3).

    Args:
        views: all of one image.
        content: of its file; None: read the file, below `root`.
        root: the project's folder.
        height: of the views, in pixels.
        width: of the views, in pixels.
        ranges: of the augmented copies.

    Raises:
        ChangedError: the file is missing or has another content.
        StageError: it cannot be decoded.
    """
    row = views[0].row
    path = Path(row.path)
    try:
        with _opened(path if objects.address_of(path) else root / path, content) as (file, sha256):
            if sha256 != row.sha256:
                raise changed(row.path)
            levels = conversion.ranges(row.conversion)
            pixels = decode.decode_image(file, height, width, ranges=levels).pixels
    except OSError as error:
        raise changed(row.path, error) from None
    except decode.ImageError as error:
        raise StageError(f"{row.path}: {error}; remove or replace it") from None
    return [augmentation.augmented(pixels, row.sha256, view.number, ranges) for view in views]


def read(views: list[View]) -> bytes:
    """Returns the content of the file of these views.

    Raises:
        ChangedError: the file is missing or has another content.
    """
    row = views[0].row
    try:
        with objects.opened(Path(row.path)) as file:
            content = file.read()
    except OSError as error:
        raise changed(row.path, error) from None
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise changed(row.path)
    return content


@contextmanager
def _opened(path: Path, content: bytes | None) -> Iterator[tuple[BinaryIO, str]]:
    """Yields an open file and its SHA-256, in hexadecimal."""
    if content is not None:
        yield io.BytesIO(content), hashlib.sha256(content).hexdigest()
    else:
        with open_identified(path) as (file, identity):
            yield file, identity.sha256
