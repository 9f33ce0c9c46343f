"""Files are written completely or not at all, with the same bytes on every system."""

import csv
import errno
import glob
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from classifier.common.errors import StageError

if TYPE_CHECKING:
    from _csv import Writer as CsvWriter


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, renamed to `path` once the block has succeeded.

    The block may make a file or a folder there. If it fails, `path` keeps what it had. Raises a
    StageError like `disk_errors`.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        try:
            yield part
            if path.is_dir():
                remove(path)
            part.replace(path)
        finally:
            remove(part)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raises a StageError if the disk is full or `path` cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(f"{path}: the disk is full; free some space and run again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StageError(f"{path}: cannot be written ({error.strerror})") from error
        raise


def _remove_leftovers(path: Path) -> None:
    """Removes the temporary files of killed runs, also of one that had this process's id."""
    from psutil import pid_exists

    for part in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        pid = part.name.removeprefix(f"{path.name}.").removesuffix(".part")
        if pid.isdigit() and (int(pid) == os.getpid() or not pid_exists(int(pid))):
            remove(part)


def require_space(path: Path, size: int) -> None:
    """Raises a StageError if the disk lacks room for `size` bytes, where HDF5 would crash."""
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if (free := shutil.disk_usage(parent).free) < size:
        raise StageError(
            f"{path}: the disk is full; {size:,} bytes are needed, {free:,} are free: "
            "free some space and run again"
        )


def remove(path: Path) -> None:
    """Removes a file, or a folder and all in it, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def open_csv(path: Path, header: Sequence[str]) -> Iterator["CsvWriter"]:
    """Yields a CSV writer that has written `header`; the table appears once the block succeeds."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv_writer(file)
        writer.writerow(header)
        yield writer


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table as UTF-8 with Unix line ends, cells quoted where necessary."""
    with open_csv(path, header) as writer:
        writer.writerows(rows)


def csv_writer(file: TextIO) -> "CsvWriter":
    r"""Returns a CSV writer with Unix line ends.

    With `lineterminator="\n"` Python 3.11 does not quote a cell that contains a lone CR.
    """

    class UnixLines:
        def write(self, line: str) -> int:
            return file.write(line.removesuffix("\r\n") + "\n")

    return csv.writer(UnixLines())


def iter_rows(path: Path) -> Iterator[list[str]]:
    """Yields the cells of each row of a table, without the header."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        yield from reader


def read_csv(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a table as dictionaries by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_json(path: Path, value: object) -> None:
    """Writes `value` as indented JSON, keys in the order given."""
    with atomic_write(path) as part:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")
