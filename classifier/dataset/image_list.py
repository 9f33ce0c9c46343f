"""Lists of images elsewhere, instead of folders of `input/`, as CSV or Parquet."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from classifier.common import files, objects, parquet
from classifier.common.errors import StageError, first_names
from classifier.common.objects import Version
from classifier.dataset import folders
from classifier.dataset.folders import INPUT, LIST, InputFile

CSV, PARQUET = (INPUT / name for name in folders.IMAGE_LISTS)
SHOWN = 50  # errors
UNKNOWN = "-1"  # size
SPLITS = (*folders.FOLDERS, folders.EXCLUDED)


class ImageList(NamedTuple):
    """A list as a file of this machine."""

    path: Path
    name: str  # in messages; ends with .csv or .parquet


class ListedImage(NamedTuple):
    """A row: an image and the version of it that the list was made for."""

    path: str  # its address, s3://...
    label: str
    split: str  # one of SPLITS
    group: str = ""
    size: str = ""  # bytes
    etag: str = ""  # what changes with the content; MD5 where the storage gives that


def find() -> Path | None:
    """Returns the list in `input/`, if there is one.

    Raises:
        StageError: there is more than one description of the dataset.
    """
    found = next((path for path in (CSV, PARQUET) if path.exists()), None)
    if found and (others := beside(found)):
        rule = "must be all that describes the dataset"
        raise StageError(
            f"{found.as_posix()}: {rule}; got {first_names(others)} too: move one or the other out "
            "of input/"
        )
    return found


def beside(path: Path) -> list[str]:
    """Returns what else in `input/` describes the dataset than the list at `path`."""
    every = [CSV, PARQUET, *(INPUT / name for name in folders.FOLDERS), LIST]
    return [one.as_posix() for one in every if one != path and one.exists()]


def iter_files(images: ImageList) -> Iterator[InputFile]:
    """Yields the images, in path order.

    Raises:
        StageError: rows are wrong or not in order; after the last image, or after SHOWN errors.
    """
    last, errors = "", list[str]()
    for number, row in enumerate(_rows(images), 1):
        image, size = objects.path_of(row.path), row.size or UNKNOWN
        if not image:
            kinds = ", ".join(f"{scheme}://" for scheme in objects.SCHEMES)
            error = f"path must be an address of {kinds} without empty parts; got {row.path!r}"
        elif (text := image.as_posix()) <= last:
            error = f"must come after {last!r}, each image once: sort by path; got {text!r}"
        elif row.split not in SPLITS:
            error = f"split must be one of {', '.join(SPLITS)}; got {row.split!r}"
        elif row.split in ("train", "validation") and not row.label:
            error = f"label must be that of the image, because its split is {row.split}; got ''"
        elif size != UNKNOWN and not (size.isascii() and size.isdecimal()):
            error = f"size must be a number of bytes; got {size!r}"
        elif not (row.path + row.label + row.group).isprintable():
            error = f"must be printable; got {row.path!r}, {row.label!r} and {row.group!r}"
        else:
            last = text
            yield InputFile(image, row.split, row.label, row.group, Version(int(size), row.etag))
            continue
        errors.append(f"{images.name}, image {number}: {error}")
        if len(errors) == SHOWN:
            break
    if errors:
        raise StageError(*errors)


def write(path: Path, rows: Iterable[ListedImage]) -> None:
    """Writes rows, which must be sorted as their paths are, as CSV or Parquet."""
    if path.suffix == ".parquet":
        columns = dict.fromkeys(ListedImage._fields, "string")
        with files.atomic_write(path) as part, parquet.open_writer(part, columns) as write_row:
            for row in rows:
                write_row(row)
        return
    with files.atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(ListedImage._fields)
        table.writerows(rows)


def _rows(images: ImageList) -> Iterator[ListedImage]:
    names, is_parquet = ListedImage._fields, images.name.endswith(".parquet")
    try:
        for row in _parquet_rows(images) if is_parquet else _csv_rows(images):
            if missing := [name for name in ("path", "label", "split") if name not in row]:
                raise StageError(f"{images.name}: must have the column {missing[0]}")
            cells = (row.get(name) for name in names)
            yield ListedImage(*("" if cell is None else str(cell) for cell in cells))
    except OSError as error:
        raise StageError(f"{images.name}: cannot be read ({error.strerror})") from None


def _csv_rows(images: ImageList) -> Iterator[dict[str, object]]:
    try:
        with images.path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, strict=True)
    except (csv.Error, UnicodeDecodeError) as error:
        raise StageError(f"{images.name}: must be CSV in UTF-8; got {error}") from None


def _parquet_rows(images: ImageList) -> Iterator[dict[str, object]]:
    for columns in parquet.iter_batches(images.path, name=images.name):
        for cells in zip(*columns.values(), strict=True):
            yield dict(zip(columns, cells, strict=True))
