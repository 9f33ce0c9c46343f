"""results/images.csv: every usable image, with its split, label and content hash.

Those of input/unlabelled are in results/unlabelled.csv, with the same columns. With
`validate.table_format: parquet` both are Parquet, images.parquet and unlabelled.parquet.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from classifier.common import files, params, parquet
from classifier.common.errors import StageError
from classifier.dataset.folders import INPUT, is_inside

PATH = Path("results/images.csv")
UNLABELLED = Path("results/unlabelled.csv")
REMEDY = "run `dvc repro -f -s validate` to write the table again"
ENDINGS = {".csv", ".parquet"}
MANY = 2_000_000  # images, above which Parquet is worth its package
TEMPLATE = ".${validate.table_format}"  # that DVC replaces by one of them in dvc.yaml


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


TYPES = dict.fromkeys(ImageRow._fields, "string")  # in Parquet
TYPES |= {"sha256": parquet.HASH, "width": "int32", "height": "int32"}


@dataclass(frozen=True)
class TableFormat:
    """How the tables of all images are written, in section `validate` of params.yaml."""

    table_format: Literal["csv", "parquet"]


def in_format(path: Path) -> Path:
    """Returns PATH or UNLABELLED with the ending that params.yaml says."""
    return path.with_suffix(f".{params.load('validate', TableFormat, partial=True).table_format}")


def format_hint(n_images: int) -> str:
    """Returns the part of a line about CSV where Parquet suits better; empty for fewer images."""
    if n_images <= MANY:
        return ""
    return f"; `validate.table_format: parquet` makes {PATH.as_posix()} a quarter as large"


def existing(path: Path) -> Path:
    """Returns PATH or UNLABELLED in the format in which it is there, whatever params.yaml says.

    Where there are two, from runs with other params, it is the one that params.yaml names.
    """
    found = [one for ending in sorted(ENDINGS) if (one := path.with_suffix(ending)).exists()]
    return found[0] if len(found) == 1 else in_format(path) if found else path


def remove_other_formats(path: Path) -> None:
    """Removes the table that an earlier run wrote in another format."""
    for ending in ENDINGS - {path.suffix}:
        with files.disk_errors(path):
            path.with_suffix(ending).unlink(missing_ok=True)


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[ImageRow], object]]:
    """Yields a function that writes a row; rows must come in path order."""
    if not _is_parquet(path):
        with files.open_csv(path, ImageRow._fields) as table:
            yield table.writerow
        return
    with files.atomic_write(path) as part, parquet.open_writer(part, TYPES) as write:
        place = ImageRow._fields.index("sha256")
        yield lambda row: write((*row[:place], bytes.fromhex(row.sha256), *row[place + 1 :]))


def iter_rows(path: Path) -> Iterator[ImageRow]:
    """Yields the rows, sorted by path.

    Raises:
        StageError: a row names a file outside `input/`, so that no stage reads it.
    """
    for image, split, label, sha256, width, height, *others in _cells(path):
        if not is_inside(image):
            rule = f"paths must be below {INPUT.as_posix()}/; got {image!r}"
            raise StageError(f"{path.as_posix()}: {rule}: {REMEDY}")
        yield ImageRow(image, split, label, sha256, int(width), int(height), *others)


def _is_parquet(path: Path) -> bool:
    return files.TEMPORARY.sub("", path.name).endswith(".parquet")


def _cells(path: Path) -> Iterator[Any]:
    if not _is_parquet(path):
        yield from files.iter_rows(path)
        return
    for columns in parquet.iter_batches(path, remedy=REMEDY):
        hashes = map(bytes.hex, columns["sha256"])
        yield from zip(*({**columns, "sha256": hashes}[name] for name in TYPES), strict=True)


def change_rows(path: Path, change: Callable[[ImageRow], ImageRow]) -> None:
    """Replaces each row."""
    with files.atomic_write(path) as part, open_writer(part) as write_row:
        for row in iter_rows(path):
            write_row(change(row))
