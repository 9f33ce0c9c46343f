"""Outputs are written whole or not at all, with the same bytes on every system."""

import csv
import errno
import glob
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from classifier.common.errors import StageError

FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary place beside `path`, renamed to `path` once the block has succeeded.

    The block may make a file or a folder there. After a failure nothing is left at `path` that
    was not there before.

    Raises:
        StageError: the disk is full, or the place may not be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        try:
            yield part
            if path.is_dir():
                remove(path)
            part.replace(path)
        finally:
            remove(part)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Says what the user can mend if writing at `path` fails.

    Raises:
        StageError: the disk is full, or the place may not be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StageError(f"{path}: the disk is full; free some space and run again") from error
        if error.errno in CLOSED:
            raise StageError(f"{path}: cannot be written ({error.strerror})") from error
        raise


def _sweep(path: Path) -> None:
    """Removes what killed runs have left beside `path`, and a run that had this one's number."""
    for part in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        number = part.name.removeprefix(f"{path.name}.").removesuffix(".part")
        if number.isdigit() and not _runs_elsewhere(int(number)):
            remove(part)


def _runs_elsewhere(number: int) -> bool:
    from psutil import pid_exists

    return number != os.getpid() and pid_exists(number)


def require_space(path: Path, size: int) -> None:
    """Refuses to begin a file of `size` bytes that the disk has no room for.

    HDF5 needs this: it crashes when the disk is full.

    Raises:
        StageError: too little is free.
    """
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if (free := shutil.disk_usage(place).free) < size:
        raise StageError(
            f"{path}: the disk is full; {size:,} bytes are needed, {free:,} are free: "
            "free some space and run again"
        )


def remove(path: Path) -> None:
    """Removes a file or a folder with all in it; nothing there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table as UTF-8 with Unix line ends, cells quoted where they must be."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(_UnixLines(file))
        writer.writerow(header)
        writer.writerows(rows)


class _UnixLines:
    """Makes the line ends of csv Unix ones; asked for these, Python 3.11 leaves a lone CR bare."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, line: str) -> int:
        return self.file.write(line.removesuffix("\r\n") + "\n")


def iter_rows(path: Path) -> Iterator[list[str]]:
    """Yields the cells of each row of a table written by `write_csv`, without the header."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        yield from reader


def read_csv(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a table written by `write_csv`, as dictionaries by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_json(path: Path, value: object) -> None:
    """Writes `value` as indented JSON, keys in the order given."""
    with atomic_write(path) as part:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")
