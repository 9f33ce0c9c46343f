"""Adds lines to input/labels.csv, in one write each time, so that no label is lost.

A line counts once it is on the disk: whoever is told so finds it there after a crash. Several
processes may add lines at the same time. Lines are never changed; the last line, if it was cut off
by a crash, is removed before the next is added.
"""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from classifier.common import files
from classifier.common.errors import StageError, warn
from classifier.dataset import label_list
from classifier.dataset.folders import INPUT, LIST
from classifier.dataset.label_list import COLUMNS, TIME

HEADER = ",".join(COLUMNS).encode() + b"\n"
LONGEST = 65_536  # bytes of a line


class NewLine(NamedTuple):
    """A line to add."""

    path: Path  # of an image, with INPUT
    label: str
    split: str
    group: str
    when: str
    by: str


def now(after: str = "") -> str:
    """Returns the time as in column `when`, or that of a line to replace, if that is later."""
    return max(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), after)


def fits(path: Path) -> bool:
    """Tells whether a line can name an image: the reader changes backslashes and outer spaces."""
    text = path.relative_to(INPUT).as_posix()
    is_plain = text.isprintable() and "\\" not in text
    return is_plain and text == text.strip() and PurePosixPath(text).parts[0] != "."


def prepare(path: Path = LIST) -> str:
    """Makes the list ready for new lines, and returns what was changed, in words.

    A list with other columns, or as a spreadsheet program writes it, is written again with all its
    rows.

    Raises:
        StageError: the list is wrong, or cannot be written.
    """
    with files.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as descriptor:
            data = path.read_bytes()
            if not data or (data.startswith(HEADER) and b"\r" not in data):
                return _mend(descriptor)
            header, rows = label_list.parse(data)
            with files.atomic_write(path) as part, part.open("wb") as file:
                file.write(HEADER)
                for _, cells in rows:
                    by_name = dict(zip(header, map(str.strip, cells), strict=False))
                    file.write(_line([by_name.get(name, "") for name in COLUMNS]))
    return f"has the columns {', '.join(COLUMNS)} now"


def append(lines: Iterable[NewLine], path: Path = LIST) -> tuple[int, int]:
    """Adds lines, all or none, and returns the size of the file before and after, in bytes.

    Raises:
        StageError: the disk is full, or the file cannot be written.
    """
    cells = ((line.path.relative_to(INPUT).as_posix(), *line[1:]) for line in lines)
    data = b"".join(map(_line, cells))
    with files.disk_errors(path), _locked(path) as descriptor:
        if mended := _mend(descriptor):
            warn(f"{path}: {mended}")
        before = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, data)
            if written < len(data):
                os.write(descriptor, data[written:])
            os.fsync(descriptor)
            if os.fstat(descriptor).st_size != before + len(data):
                raise StageError(f"{path}: the disk is full; free some space and try again")
        except BaseException:
            os.ftruncate(descriptor, before)
            raise
    return before, before + len(data)


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _mend(descriptor: int) -> str:
    """Makes the file end with a whole line, and returns what was removed, in words."""
    size = os.fstat(descriptor).st_size
    if not size:
        os.write(descriptor, HEADER)
        return ""
    os.lseek(descriptor, max(0, size - LONGEST), os.SEEK_SET)
    _, _, last = os.read(descriptor, LONGEST).rpartition(b"\n")
    if not last:
        return ""
    if _is_whole(last):
        os.write(descriptor, b"\n")
        return ""
    os.ftruncate(descriptor, size - len(last))
    return f"ended with half a line, which is removed: {last.decode(errors='replace')!r}"


def _is_whole(line: bytes) -> bool:
    try:
        (cells,) = csv.reader([line.decode()], strict=True)
    except (ValueError, csv.Error):
        return False
    when = dict(zip(COLUMNS, cells, strict=False)).get("when", "")
    return len(cells) == len(COLUMNS) and bool(not when or TIME.fullmatch(when))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Yields the open file, which no other process changes meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            with _lock(descriptor):
                same = path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
                if same:  # else another process has replaced it
                    yield descriptor
                    return
        finally:
            os.close(descriptor)


@contextmanager
def _lock(descriptor: int) -> Iterator[None]:
    if os.name == "nt":
        import msvcrt

        place = 2**30  # bytes far behind the end
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
        try:
            yield
        finally:
            os.lseek(descriptor, place, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)  # closing the file ends it
        yield
