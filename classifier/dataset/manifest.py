"""results/images.csv: every usable image, with its split, label and content hash."""

from collections.abc import Callable, Iterable, Iterator
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
def open_writer(path: Path) -> Iterator[Callable[[ImageRow], None]]:
    """Yields a function that writes a row; rows must be sorted by path."""
    previous = ""
    with files.open_csv(path, HEADER) as table:

        def write_row(row: ImageRow) -> None:
            nonlocal previous
            if row.path <= previous:
                raise ValueError(
                    f"rows must be sorted by path; got {row.path!r} after {previous!r}"
                )
            previous = row.path
            table.writerow(CELLS(row))

        yield write_row


def write(path: Path, rows: Iterable[ImageRow]) -> None:
    """Writes the rows, which must be sorted by path."""
    with open_writer(path) as write_row:
        for row in rows:
            write_row(row)


def iter_rows(path: Path) -> Iterator[ImageRow]:
    """Yields the rows, in the order of the file."""
    for image, split, label, sha256, width, height, format_ in files.iter_rows(path):
        yield ImageRow(image, split, label, sha256, int(width), int(height), format_)


def read(path: Path) -> list[ImageRow]:
    """Returns the rows, in the order of the file."""
    return list(iter_rows(path))


def class_names(rows: Iterable[ImageRow]) -> tuple[str, ...]:
    """Returns the sorted classes of the training images; a class's index is its place here."""
    return tuple(sorted({row.label for row in rows if row.split == "train"}))
