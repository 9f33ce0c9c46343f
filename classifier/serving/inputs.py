"""New images from files, folders and streams, decoded for the network."""

import codecs
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from classifier.common.errors import StageError
from classifier.dataset import folders
from classifier.dataset.problems import NO_FILE
from classifier.images import decode
from classifier.images.decode import DecodedImage, ImageError
from classifier.images.limits import Limits

STDIN = "-"


@dataclass(frozen=True)
class ImageSource:
    """An image to classify."""

    path: str  # as given by the user, or found in a folder; `-` for standard input
    data: bytes | None = None  # of an image that is not in a file


@dataclass(frozen=True)
class LoadedImage:
    """An image that was decoded, or the reason why it could not be."""

    path: str  # printable
    sha256: str = ""  # of the file's bytes
    decoded: DecodedImage | None = None
    problem: str = ""  # code as in results/problems.csv
    detail: str = ""  # explains the problem


def expand(paths: Iterable[str], stdin: bytes | None = None) -> Iterator[ImageSource]:
    """Yields the images to classify: files as given, those in folders, `stdin` for `-`."""
    for path in paths:
        if path == STDIN and stdin is not None:
            yield ImageSource(path, stdin)
        elif is_empty_folder(path) or not Path(path).is_dir():
            yield ImageSource(path)
        else:
            yield from (ImageSource(str(file)) for file in folders.walk(Path(path)))


def read_paths(file: IO[bytes], name: str) -> Iterator[str]:
    """Yields the paths of a list, one per line, in UTF-8 or, as Windows writes it, UTF-16.

    Raises:
        StageError: a line is no text in these encodings.
    """
    first = file.readline()
    try:
        lines: Iterable[str] = map(os.fsdecode, chain([first], file))
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            lines = (first + file.read()).decode("utf-16").split("\n")
        for number, line in enumerate(lines, 1):
            path = line.rstrip("\r\n")
            path = path.removeprefix("\ufeff") if number == 1 else path
            if "\0" in path:
                rule = "must be a path in UTF-8; got a NUL byte: write one path per line"
                raise StageError(f"{name}, line {number}: {rule}")
            if path:
                yield path
    except UnicodeError as error:
        raise StageError(f"{name}: must be text in UTF-8; got {error}") from None


def is_empty_folder(path: str) -> bool:
    """Tells whether `path` is a folder without files, system files aside."""
    return Path(path).is_dir() and next(folders.walk(Path(path)), None) is None


def load(source: ImageSource, height: int, width: int, limits: Limits) -> LoadedImage:
    """Returns an image resized as `extract` does it, or the reason why it cannot be read."""
    path = os.fsencode(source.path).decode("utf-8", "backslashreplace")
    try:
        data = _read(Path(source.path), limits) if source.data is None else source.data
        decoded = decode.decode_image(data, height, width, limits.pixels)
    except ImageError as error:
        return LoadedImage(path, problem=error.code, detail=error.detail)
    except OSError as error:
        detail = error.strerror or str(error)
        if "://" in source.path:
            detail = "must be a file or a folder, not a URL; download it first"
        return LoadedImage(path, problem="unreadable", detail=detail)
    except MemoryError:
        return LoadedImage(path, problem="too_large", detail="takes too much memory")
    return LoadedImage(path, hashlib.sha256(data).hexdigest(), decoded)


def _read(path: Path, limits: Limits) -> bytes:
    if path.is_dir():
        raise ImageError("unreadable", "the folder has no files")
    if path.exists() and not path.is_file():  # reading a named pipe would never end
        raise ImageError("unreadable", NO_FILE)
    if (size := path.stat().st_size) > limits.size:
        raise ImageError("too_large", f"{size:,} bytes, more than {limits.size:,}")
    return path.read_bytes()
