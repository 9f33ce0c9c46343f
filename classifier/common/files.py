"""Files are written completely or not at all, with the same bytes on every system."""

import csv
import errno
import glob
import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from classifier.common import formulas
from classifier.common.errors import StageError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
TEMPORARY = re.compile(r"(\.\d+\.part)+$")  # what `atomic_write` adds to a name
MARGIN = 2**20  # bytes; a disk with fewer is full


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, renamed to `path` once the block has succeeded.

    The block makes a file there. If it fails, `path` keeps what it had. A link is replaced, not
    its target; a folder, a device or a pipe is never replaced.

    Raises:
        StageError: there is such a thing at `path`; or as in `disk_errors`.
    """
    if os.path.lexists(path) and not (path.is_symlink() or path.is_file()):
        raise StageError(f"{path}: must be a file; got {kind(path)}: move it away")
    with temporary_file(path) as part, disk_errors(path):
        yield part
        part.replace(path)


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` for a file that is removed in the end.

    That of a killed run is removed by the next one.
    """
    part = _prepare(path)
    part.unlink(missing_ok=True)
    try:
        yield part
    finally:
        with suppress(PermissionError):  # Windows keeps a file that is open
            part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, mark: str) -> Iterator[Path]:
    """Yields an empty temporary folder that replaces `path` once the block has succeeded.

    If the block fails, `path` keeps what it had.

    Args:
        path: a folder that only this project writes.
        mark: name of something that is always in it, by which it is recognized.

    Raises:
        StageError: there is something else at `path`; or as in `disk_errors`.
    """
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        raise StageError(f"{path}: must be a folder; got {kind(path)}: move it away")
    if path.is_dir() and any(path.iterdir()) and not (path / mark).exists():
        raise StageError(f"{path}: must be a folder with {mark}; got another: move it away")
    part = _prepare(path)
    remove(part)
    try:
        with disk_errors(path):
            part.mkdir()
            yield part
            remove(path)
            part.replace(path)
    finally:
        remove(part)


def _prepare(path: Path) -> Path:
    """Makes the folder of `path`, removes leftovers, and returns this process's temporary path."""
    with disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise StageError(f"{path}: cannot be written ({path.parent} is no folder)") from None
        remove_leftovers(path)
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def kind(path: Path) -> str:
    """Returns what is at `path`, in words."""
    if path.is_symlink():
        return "a link"
    names = {
        "is_dir": "a folder",
        "is_file": "a file",
        "is_fifo": "a pipe",
        "is_socket": "a socket",
    }
    return next((name for test, name in names.items() if getattr(path, test)()), "a device")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raises a StageError if the disk is full or `path` cannot be written.

    Libraries that write files raise errors of their own on a full disk.
    """
    try:
        yield
    except StageError:
        raise
    except Exception as error:
        path = Path(TEMPORARY.sub("", str(path)))
        if full := _full_disk(path, error):
            rule = f"{full} is full; free some space and run again"
            raise StageError(f"{path}: {rule}") from error
        if isinstance(error, OSError) and error.errno in DENIED:
            raise StageError(f"{path}: cannot be written ({error.strerror})") from error
        if _code(error) == sqlite3.SQLITE_IOERR:  # also where a quota is used up
            remedy = "check that the disk is sound and your quota has room"
            raise StageError(f"{path}: cannot be written or read ({error}): {remedy}") from error
        raise


def _full_disk(path: Path, error: Exception) -> str:
    """Returns which disk is full, in words; empty if none is."""
    folders = next(p for p in path.absolute().parents if p.exists()), Path(tempfile.gettempdir())
    own, temporary = (shutil.disk_usage(folder).free <= MARGIN for folder in folders)
    told = _code(error) == sqlite3.SQLITE_FULL or os.strerror(errno.ENOSPC) in str(error)
    full = told or getattr(error, "errno", None) in FULL
    if not full and (isinstance(error, OSError) or not (own or temporary)):
        return ""
    return f"the disk of {folders[1]}" if temporary and not own else "the disk"


def _code(error: Exception) -> int:
    """Returns the code of an error of SQLite; 0 of others."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def remove_leftovers(path: Path) -> None:
    """Removes the temporary files of killed runs: those of processes that no longer exist."""
    name = rf"{re.escape(path.name)}\.(\d+)(\.\w+)*\.part(-journal|-wal|-shm)?"
    for part in path.parent.glob(f"{glob.escape(path.name)}.*.part*"):
        match = re.fullmatch(name, part.name)
        if match and not _pid_exists(int(match[1])):
            with suppress(OSError):  # read-only
                remove(part)


def _pid_exists(pid: int) -> bool:
    from psutil import pid_exists

    return pid_exists(pid)


def require_space(path: Path, size: int) -> None:
    """Raises a StageError if the disk lacks room for `size` bytes, where HDF5 would crash."""
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if (free := shutil.disk_usage(parent).free) < size:
        raise StageError(
            f"{path}: the disk is full; {size:,} bytes are needed, {free:,} are free: "
            "free some space and run again"
        )


def given_file(path: str) -> Path:
    """Returns the place of a file of the user's that params.yaml names; `~` is the home folder.

    A relative path is looked for in the working directory, then in the project that an experiment
    was started from: DVC runs it in a copy without untracked files, and DVC_ROOT names the project.
    """
    place = Path(os.path.expanduser(path))  # noqa: PTH111 never fails
    origin = Path(os.environ.get("DVC_ROOT", "."), place)
    return place if place.is_file() or not origin.is_file() else origin


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
        writer = CsvWriter(file)
        writer.writerow(header)
        yield writer


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table as UTF-8 with Unix line ends, cells quoted where necessary."""
    with open_csv(path, header) as writer:
        for row in rows:
            writer.writerow(row)


class CsvWriter:
    r"""Writes CSV with Unix line ends and without formulas.

    With `lineterminator="\n"` Python 3.11 does not quote a cell that contains a lone CR.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.writer(self)

    def write(self, line: str) -> int:
        """Writes a line that the csv module has made."""
        return self._file.write(line.removesuffix("\r\n") + "\n")

    def writerow(self, cells: Iterable[object]) -> None:
        """Writes a row."""
        self._writer.writerow(map(formulas.escape, cells))


def iter_rows(path: Path) -> Iterator[list[str]]:
    """Yields the cells of each row of a table, without the header."""
    escaped = False  # perhaps: the row has an apostrophe, as few have; looking at each cell is slow

    def lines(file: TextIO) -> Iterator[str]:
        nonlocal escaped
        for line in file:
            escaped = escaped or "'" in line
            yield line

    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(lines(file))
        next(reader)
        for row in reader:
            yield [formulas.unescape(cell) for cell in row] if escaped else row
            escaped = False


def iter_dicts(path: Path) -> Iterator[dict[str, str]]:
    """Yields the rows of a table as dictionaries by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    return (dict(zip(header, row, strict=False)) for row in iter_rows(path) if row)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a table, which is small, as dictionaries by column name."""
    return list(iter_dicts(path))


def write_json(path: Path, value: object) -> None:
    """Writes `value` as indented JSON, keys in the order given."""
    with atomic_write(path) as part:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")
