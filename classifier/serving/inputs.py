"""New images from files, folders and streams, decoded for the network."""

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

STDIN = "-"


@dataclass(frozen=True)
class ImageSource:
    """An image to classify.

    Attributes:
        path: as given by the user, or found in a folder; `-` for standard input.
        data: the bytes of an image that is not in a file.
    """

    path: str
    data: bytes | None = None

    @property
    def printable_path(self) -> str:
        """Returns the path with bytes that are not UTF-8 escaped."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class LoadedImage:
    """An image that was decoded, or the reason why it could not be.

    Attributes:
        path: printable.
        sha256: of the file's bytes; empty if the image could not be read.
        pixels: uint8 (H, W, 3), or None.
        width: of the image itself, in pixels, after EXIF rotation.
        height: likewise.
        problem: code as in results/problems.csv; empty if the image could be read.
        detail: explains the problem.
    """

    path: str
    sha256: str = ""
    pixels: Pixels | None = None
    width: int = 0
    height: int = 0
    problem: str = ""
    detail: str = ""


def expand(paths: Iterable[str], stdin: bytes | None = None) -> Iterator[ImageSource]:
    """Yields the images to classify: files as given, and all files in folders.

    Args:
        paths: of files and folders; `-` for standard input.
        stdin: an image's bytes.
    """
    for path in paths:
        if path == STDIN and stdin is not None:
            yield ImageSource(path, stdin)
        elif is_empty_folder(path) or not Path(path).is_dir():
            yield ImageSource(path)
        else:
            yield from (ImageSource(str(file)) for file in folders.walk(Path(path)))


def is_empty_folder(path: str) -> bool:
    """Tells whether `path` is a folder without files, system files aside."""
    return Path(path).is_dir() and next(folders.walk(Path(path)), None) is None


def load(source: ImageSource, height: int, width: int, limits: Limits) -> LoadedImage:
    """Returns the pixels of an image, resized as `extract` does it, or the reason why not."""
    path = source.printable_path
    try:
        data = _read(Path(source.path), limits) if source.data is None else source.data
        image = decode.decode_image(data, height, width, limits.pixels)
    except ImageError as error:
        return LoadedImage(path, problem=error.code, detail=error.detail)
    except OSError as error:
        detail = error.strerror or str(error)
        if "://" in source.path:
            detail = "must be a file or a folder, not a URL; download it first"
        return LoadedImage(path, problem="unreadable", detail=detail)
    except MemoryError:
        return LoadedImage(path, problem="too_large", detail="takes too much memory")
    sha256 = hashlib.sha256(data).hexdigest()
    return LoadedImage(path, sha256, image.pixels, image.width, image.height)


def _read(path: Path, limits: Limits) -> bytes:
    if path.is_dir():
        raise ImageError("unreadable", "the folder has no files")
    if path.exists() and not path.is_file():  # reading a named pipe would never end
        raise ImageError("unreadable", NO_FILE)
    if (size := path.stat().st_size) > limits.size:
        raise ImageError("too_large", f"{size:,} bytes, more than {limits.size:,}")
    return path.read_bytes()
