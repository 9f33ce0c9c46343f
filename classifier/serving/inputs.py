"""New images, from files, folders and streams: what they show, or why they cannot be read."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from classifier.dataset import folders
from classifier.dataset.problems import NO_FILE
from classifier.images import decode
from classifier.images.decode import ImageError, Pixels
from classifier.images.limits import Limits

STREAM = "-"


@dataclass(frozen=True)
class ImageSource:
    """An image asked about.

    Attributes:
        path: as it was given, or found in a folder that was; `-` for a stream.
        data: its bytes, if they are not in a file.
    """

    path: str
    data: bytes | None = None

    @property
    def shown(self) -> str:
        """Returns the path, and bytes that are not UTF-8 as escapes."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class LoadedImage:
    """An image that was read.

    Attributes:
        path: for people.
        sha256: of its bytes; empty if it could not be read.
        pixels: uint8 (H, W, 3), or None.
        width: pixels of the image itself, upright.
        height: likewise.
        problem: why there are none: a stable code, as in results/problems.csv.
        detail: a sentence.
    """

    path: str
    sha256: str = ""
    pixels: Pixels | None = None
    width: int = 0
    height: int = 0
    problem: str = ""
    detail: str = ""


def expand(paths: Iterable[str], stream: bytes | None = None) -> Iterator[ImageSource]:
    """Yields what is asked about: files as they are named, and all files in folders.

    Args:
        paths: of files and folders; `-` for the stream.
        stream: an image's bytes.
    """
    for path in paths:
        if path == STREAM and stream is not None:
            yield ImageSource(path, stream)
        elif Path(path).is_dir():
            yield from (ImageSource(str(file)) for file in folders.walk(Path(path)))
        else:
            yield ImageSource(path)


def read(given: ImageSource, height: int, width: int, limits: Limits) -> LoadedImage:
    """Returns the pixels of an image, resized as `extract` does it, or what is wrong with it."""
    try:
        data = _data(given, limits) if given.data is None else given.data
        image = decode.decode_image(data, height, width, limits.pixels)
    except ImageError as error:
        return LoadedImage(given.shown, problem=error.code, detail=error.detail)
    except OSError as error:
        detail = error.strerror or str(error)
        return LoadedImage(given.shown, problem="unreadable", detail=detail)
    except MemoryError:
        return LoadedImage(given.shown, problem="too_large", detail="takes too much memory")
    sha256 = hashlib.sha256(data).hexdigest()
    return LoadedImage(given.shown, sha256, image.pixels, image.width, image.height)


def _data(given: ImageSource, limits: Limits) -> bytes:
    path = Path(given.path)
    if path.exists() and not path.is_file():  # a pipe would never end
        raise ImageError("unreadable", NO_FILE)
    if (size := path.stat().st_size) > limits.size:
        raise ImageError("too_large", f"{size:,} bytes, more than {limits.size:,}")
    return path.read_bytes()
