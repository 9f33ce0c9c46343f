"""results/images.csv: every usable image, with its split, label and content hash."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from classifier.common import files

PATH = Path("results/images.csv")


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A usable image.

    Attributes:
        path: relative to the project, with `/` on every system.
        split: train, validation or test.
        label: name of its class; empty if unknown.
        sha256: of the file's bytes, in hexadecimal.
        width: in pixels, after EXIF rotation.
        height: likewise.
        format: by content: JPEG, PNG, ...
    """

    path: str
    split: str
    label: str
    sha256: str
    width: int
    height: int
    format: str


HEADER = tuple(field.name for field in fields(ImageRow))
CELLS = attrgetter(*HEADER)


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[ImageRow], object]]:
    """Yields a function that writes a row; rows must come in path order."""
    with files.open_csv(path, HEADER) as table:
        yield lambda row: table.writerow(CELLS(row))


def iter_rows(path: Path) -> Iterator[ImageRow]:
    """Yields the rows, sorted by path."""
    for image, split, label, sha256, width, height, format_ in files.iter_rows(path):
        yield ImageRow(image, split, label, sha256, int(width), int(height), format_)
