"""results/images.csv: every usable image, with its split, label and content hash."""

from collections.abc import Iterable, Iterator
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
        label: name of its class; empty where unknown.
        sha256: of the file's bytes, in hexadecimal.
        width: in pixels, upright.
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


def write(path: Path, rows: Iterable[ImageRow]) -> None:
    """Writes the rows, which must come sorted by path, one by one."""
    files.write_csv(path, HEADER, map(attrgetter(*HEADER), _in_order(rows)))


def iter_rows(path: Path) -> Iterator[ImageRow]:
    """Yields the rows, in the order of the file."""
    for path_, split, label, sha256, width, height, kind in files.iter_rows(path):
        yield ImageRow(path_, split, label, sha256, int(width), int(height), kind)


def read(path: Path) -> list[ImageRow]:
    """Returns the rows, in the order of the file."""
    return list(iter_rows(path))


def _in_order(rows: Iterable[ImageRow]) -> Iterator[ImageRow]:
    before = ""
    for row in rows:
        if row.path <= before:
            raise ValueError(f"rows must be sorted by path; got {row.path!r} after {before!r}")
        before = row.path
        yield row


def class_names(rows: Iterable[ImageRow]) -> tuple[str, ...]:
    """Returns the sorted classes of the training images; a class's index is its place here."""
    return tuple(sorted({row.label for row in rows if row.split == "train"}))
