"""results/images.csv: every usable image, with its split, label and content hash.

Those of input/unlabelled are in results/unlabelled.csv, with the same columns.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from classifier.common import files
from classifier.common.errors import StageError
from classifier.dataset.folders import INPUT, is_inside

PATH = Path("results/images.csv")
UNLABELLED = Path("results/unlabelled.csv")


class ImageRow(NamedTuple):
    """A usable image."""

    path: str  # relative to the project, with `/` on every system
    split: str  # train, validation, test or unlabelled
    label: str  # name of its class; empty if unknown
    sha256: str  # of the file's bytes, in hexadecimal
    width: int  # in pixels, after EXIF rotation
    height: int
    format: str  # by content: JPEG, PNG, ...
    group: str = ""  # images of a group are never on both sides of a split: dataset/groups.py
    conversion: str = ""  # what its pixels depend on besides its bytes: images/conversion.py


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[ImageRow], object]]:
    """Yields a function that writes a row; rows must come in path order."""
    with files.open_csv(path, ImageRow._fields) as table:
        yield table.writerow


def iter_rows(path: Path) -> Iterator[ImageRow]:
    """Yields the rows, sorted by path.

    Raises:
        StageError: a row names a file outside `input/`, so that no stage reads it.
    """
    for image, split, label, sha256, width, height, *others in files.iter_rows(path):
        if not is_inside(image):
            raise StageError(
                f"{path.as_posix()}: paths must be below {INPUT.as_posix()}/; got {image!r}: run "
                "`dvc repro -f -s validate` to write the table again"
            )
        yield ImageRow(image, split, label, sha256, int(width), int(height), *others)


def change_rows(path: Path, change: Callable[[ImageRow], ImageRow]) -> None:
    """Replaces each row."""
    with files.atomic_write(path) as part, open_writer(part) as write_row:
        for row in iter_rows(path):
            write_row(change(row))
