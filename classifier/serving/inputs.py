"""New images from files, folders and streams, decoded for the network."""

import codecs
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from classifier.cache.files import DecodeResult, FileIdentity, open_identified
from classifier.common.errors import StageError
from classifier.dataset import folders
from classifier.dataset.problems import NO_FILE
from classifier.images import decode
from classifier.images.decode import DecodedImage, ImageError
from classifier.images.grey_levels import Ranges
from classifier.images.limits import Limits

STDIN = "-"


@dataclass(frozen=True)
class ImageSource:
    """An image to classify."""

    path: str  # as given by the user, or found in a folder; `-` for standard input
    file: Path | None = None  # that holds the content, where `path` is only a name


@dataclass(frozen=True)
class LoadedImage:
    """An image that was decoded, or the reason why it could not be."""

    path: str  # printable
    sha256: str = ""  # of the file's bytes
    decoded: DecodedImage | None = None
    problem: str = ""  # code as in results/problems.csv
    detail: str = ""  # explains the problem
    unseen_depth: str = ""  # of an image with more bits than those that were trained on
    signature: str = ""  # of the file at `path`, as in FileIdentity

    @property
    def result(self) -> DecodeResult | None:
        """Returns what reading it gave; None if it was not read, or not now."""
        if one := self.decoded:
            size, word = (one.width, one.height), one.conversion
            return DecodeResult(*size, one.format, conversion=word, extremes=one.extremes)
        if self.problem and self.signature:
            return DecodeResult(problem=self.problem, detail=self.detail)
        return None


@contextmanager
def spooled(stream: IO[bytes], limits: Limits) -> Iterator[Path]:
    """Yields a temporary file with the content of a stream, cut off where it is too large."""
    with tempfile.TemporaryDirectory() as folder:
        path, left = Path(folder, "image"), limits.size + 1
        with path.open("wb") as file:
            while left and (data := stream.read(min(left, 2**20))):
                left -= file.write(data)
        yield path


def expand(paths: Iterable[str], stdin: Path | None = None) -> Iterator[ImageSource]:
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


def load(
    source: ImageSource,
    height: int,
    width: int,
    limits: Limits,
    ranges: Ranges,
    memory: float = math.inf,
) -> LoadedImage:
    """Returns an image resized as `extract` does it, or the reason why it cannot be read.

    `memory` is how many bytes decoding it may take, about.
    """
    path = source.file or Path(source.path)
    try:
        _require_readable(path, limits)
        if memory < math.inf and (needed := decode.memory(path, max(height, width))) > memory:
            rule = f"takes about {needed / 1e6:,.0f} MB of memory to decode"
            raise ImageError("too_large", f"{rule}, more than {memory / 1e6:,.0f}")
        with open_identified(path) as (file, identity):
            try:
                decoded = decode.decode_image(file, height, width, limits.pixels, ranges)
            except ImageError as error:
                return failed(source, error, identity)
    except ImageError as error:
        return failed(source, error)
    except OSError as error:
        detail = error.strerror or str(error)
        if "://" in source.path:
            detail = "must be a file, a folder, or an address that begins with http:// or https://"
        return failed(source, ImageError("unreadable", detail))
    unseen = _unseen_depth(decoded.conversion, decoded.extremes is not None, ranges)
    signature = "" if source.file else identity.stat_signature
    read = identity.sha256, decoded
    return LoadedImage(utf8_path(source), *read, unseen_depth=unseen, signature=signature)


def known(source: ImageSource, sha256: str, result: DecodeResult, ranges: Ranges) -> LoadedImage:
    """Returns an image that was read before, without its pixels."""
    unseen = _unseen_depth(result.conversion, result.extremes is not None, ranges)
    problem = result.problem, result.detail
    return LoadedImage(utf8_path(source), sha256, None, *problem, unseen_depth=unseen)


def _unseen_depth(conversion: str, is_deep: bool, ranges: Ranges) -> str:
    depth = conversion.split()[0] if is_deep else ""
    return "" if depth in ranges else depth


def load_small(
    source: ImageSource, height: int, width: int, limits: Limits, ranges: Ranges, memory: float
) -> LoadedImage | None:
    """Returns the image like `load`, or None if it is so large that it must be decoded alone."""
    if decode.is_large(source.file or Path(source.path)):
        return None
    return load(source, height, width, limits, ranges, memory)


def failed(
    source: ImageSource, error: ImageError, identity: FileIdentity | None = None
) -> LoadedImage:
    """Returns an image that cannot be read."""
    sha256 = identity.sha256 if identity else ""
    signature = identity.stat_signature if identity and not source.file else ""
    problem = error.code, error.detail
    return LoadedImage(utf8_path(source), sha256, None, *problem, signature=signature)


def utf8_path(source: ImageSource) -> str:
    """Returns the path, with the bytes escaped that are not UTF-8."""
    return os.fsencode(source.path).decode("utf-8", "backslashreplace")


def _require_readable(path: Path, limits: Limits) -> None:
    if path.is_dir():
        raise ImageError("unreadable", "the folder has no files")
    if path.exists() and not path.is_file():  # reading a named pipe would never end
        raise ImageError("unreadable", NO_FILE)
    if (size := path.stat().st_size) > limits.size:
        raise ImageError("too_large", f"{size:,} bytes, more than {limits.size:,}")
