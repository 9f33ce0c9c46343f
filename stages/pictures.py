"""New pictures, from files, folders and streams: what they show, or why they cannot be read."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stages import images, layout
from stages.images import ImageError, Pixels
from stages.limits import Limits
from stages.problems import NO_FILE

STREAM = "-"


@dataclass(frozen=True)
class Given:
    """A picture asked about.

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
class Read:
    """A picture that was read.

    Attributes:
        path: for people.
        sha256: of its bytes; empty if it could not be read.
        pixels: uint8 (H, W, 3), or None.
        width: pixels of the picture itself, upright.
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


def expand(paths: Iterable[str], stream: bytes | None = None) -> Iterator[Given]:
    """Yields what is asked about: files as they are named, and all files in folders.

    Args:
        paths: of files and folders; `-` for the stream.
        stream: a picture's bytes.
    """
    for path in paths:
        if path == STREAM and stream is not None:
            yield Given(path, stream)
        elif Path(path).is_dir():
            yield from (Given(str(file)) for file in layout.walk(Path(path)))
        else:
            yield Given(path)


def read(given: Given, height: int, width: int, limits: Limits) -> Read:
    """Returns the pixels of a picture, resized as `extract` does it, or what is wrong with it."""
    try:
        data = _data(given, limits) if given.data is None else given.data
        picture = images.decode(data, height, width, limits.pixels)
    except ImageError as error:
        return Read(given.shown, problem=error.code, detail=error.detail)
    except OSError as error:
        detail = error.strerror or str(error)
        return Read(given.shown, problem="unreadable", detail=detail)
    except MemoryError:
        return Read(given.shown, problem="too_large", detail="takes too much memory")
    sha256 = hashlib.sha256(data).hexdigest()
    return Read(given.shown, sha256, picture.pixels, picture.width, picture.height)


def _data(given: Given, limits: Limits) -> bytes:
    path = Path(given.path)
    if path.exists() and not path.is_file():  # a pipe would never end
        raise ImageError("unreadable", NO_FILE)
    if (size := path.stat().st_size) > limits.size:
        raise ImageError("too_large", f"{size:,} bytes, more than {limits.size:,}")
    return path.read_bytes()
