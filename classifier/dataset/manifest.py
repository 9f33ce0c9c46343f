"""results/images.csv: every usable image, with its split, label and content hash.

Those of input/unlabelled are in results/unlabelled.csv, with the same columns. Tables of millions
of images are Parquet: results/images.csv then is a folder with one file, images.parquet, because
DVC needs to know the path of an output before the images are counted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from classifier.common import files, parquet
from classifier.common.errors import StageError, first_names
from classifier.dataset.folders import INPUT, is_inside

PATH = Path("results/images.csv")
UNLABELLED = Path("results/unlabelled.csv")
REMEDY = "run `dvc repro -f -s validate` to write the table again"


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


def is_parquet(path: Path) -> bool:
    """Tells whether the table at PATH or UNLABELLED is Parquet."""
    return path.is_dir()


def file_of(path: Path) -> Path:
    """Returns the file that has the rows of the table at PATH or UNLABELLED."""
    return _parquet_file(path) if is_parquet(path) else path


def _parquet_file(path: Path) -> Path:
    return path / f"{path.stem}.parquet"


@contextmanager
def replace(path: Path, as_parquet: bool) -> Iterator[Path]:
    """Yields a temporary path for `open_writer`, whose file replaces the table at `path`.

    If the block fails, the table stays as it was.

    Raises:
        StageError: there is something else at `path`, or as in `files.disk_errors`.
    """
    target, others = _parquet_file(path) if as_parquet else path, list[str]()
    if path.is_dir():
        others = sorted(one.name for one in path.iterdir() if one != _parquet_file(path))
    if others:
        rule = f"must have only {_parquet_file(path).name} in it; got {first_names(others)}"
        raise StageError(f"{path.as_posix()}: {rule}: move the rest away")
    with files.temporary_file(path.with_suffix(target.suffix)) as part, files.disk_errors(path):
        yield part
        if is_parquet(path) != as_parquet:
            files.remove(path)
        target.parent.mkdir(exist_ok=True)
        part.replace(target)


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[ImageRow], object]]:
    """Yields a function that writes a row; rows must come in path order."""
    if not _has_parquet(path):
        with files.open_csv(path, ImageRow._fields) as table:
            yield table.writerow
        return
    with files.atomic_write(path) as part, parquet.open_writer(part, TYPES) as write:
        place = ImageRow._fields.index("sha256")
        yield lambda row: write((*row[:place], bytes.fromhex(row.sha256), *row[place + 1 :]))


def iter_rows(path: Path) -> Iterator[ImageRow]:
    """Yields the rows of the table at PATH, UNLABELLED or a path of `replace`, sorted by path.

    Raises:
        StageError: a row names a file outside `input/`, so that no stage reads it.
    """
    for image, split, label, sha256, width, height, *others in _cells(path):
        if not is_inside(image):
            rule = f"paths must be below {INPUT.as_posix()}/; got {image!r}"
            raise StageError(f"{path.as_posix()}: {rule}: {REMEDY}")
        yield ImageRow(image, split, label, sha256, int(width), int(height), *others)


def _has_parquet(file: Path) -> bool:
    return files.TEMPORARY.sub("", file.name).endswith(".parquet")


def _cells(path: Path) -> Iterator[Any]:
    file = file_of(path)
    if not _has_parquet(file):
        yield from files.iter_rows(file)
        return
    for columns in parquet.iter_batches(file, remedy=REMEDY):
        hashes = map(bytes.hex, columns["sha256"])
        yield from zip(*({**columns, "sha256": hashes}[name] for name in TYPES), strict=True)


def change_rows(path: Path, change: Callable[[ImageRow], ImageRow]) -> None:
    """Replaces each row."""
    with files.atomic_write(path) as part, open_writer(part) as write_row:
        for row in iter_rows(path):
            write_row(change(row))
