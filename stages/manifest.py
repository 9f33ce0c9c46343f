"""results/images.csv: every usable picture, with its split, label and content hash."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from stages import outputs

PATH = Path("results/images.csv")


@dataclass(frozen=True, slots=True)
class Row:
    """A usable picture.

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


HEADER = tuple(field.name for field in fields(Row))


def write(path: Path, rows: Iterable[Row]) -> None:
    """Writes the rows, which must come sorted by path, one by one."""
    outputs.write_csv(path, HEADER, map(attrgetter(*HEADER), _in_order(rows)))


def stream(path: Path) -> Iterator[Row]:
    """Yields the rows, in the order of the file."""
    for path_, split, label, sha256, width, height, kind in outputs.stream_cells(path):
        yield Row(path_, split, label, sha256, int(width), int(height), kind)


def read(path: Path) -> list[Row]:
    """Returns the rows, in the order of the file."""
    return list(stream(path))


def _in_order(rows: Iterable[Row]) -> Iterator[Row]:
    before = ""
    for row in rows:
        if row.path <= before:
            raise ValueError(f"rows must be sorted by path; got {row.path!r} after {before!r}")
        before = row.path
        yield row


def class_names(rows: Iterable[Row]) -> tuple[str, ...]:
    """Returns the sorted classes of the training pictures; a class's index is its place here."""
    return tuple(sorted({row.label for row in rows if row.split == "train"}))
