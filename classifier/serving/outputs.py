"""Output to places that the user names: nothing there is lost unless the user says so."""

import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from classifier.common import files
from classifier.serving.writers import is_written_here

STDOUT = "-"
STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
OPEN_FILE = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")
TEMPORARY = ".classify"  # first part of the names of temporary files
MAX_LINKS = 40


def refusals(outputs: Mapping[str, str], force: bool) -> list[str]:
    """Returns why each output cannot be written; nothing is written yet.

    Args:
        outputs: names of places by option: a path, or `-` for standard output.
        force: whether files that are no predictions may be overwritten.
    """
    problems = [
        f"{option} {name}: {problem}"
        for option, name in outputs.items()
        if (problem := _problem(name, force))
    ]
    if len(set(map(_identity, outputs.values()))) < len(outputs):
        problems.append(f"{' and '.join(outputs)}: must be different; got the same place twice")
    return problems


@contextmanager
def open_output(name: str) -> Iterator[TextIO]:
    """Yields an output to write to.

    A file appears once the block has succeeded, with the rights of the one that it replaces; links
    stay, and the file they lead to is written. Pipes, devices and open files are written directly.
    """
    if (number := _descriptor(name)) == 1:
        yield sys.stdout
        return
    path = Path(os.path.realpath(name))
    with files.disk_errors(Path(name)):
        if number is not None:
            with os.fdopen(os.dup(number), "w", encoding="utf-8", newline="") as file:
                yield file
        elif path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="") as file:
                yield file
        else:
            with _replacement(path) as file:
                yield file


@contextmanager
def _replacement(path: Path) -> Iterator[TextIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.remove_leftovers(path.with_name(TEMPORARY))
    part = path.with_name(f"{TEMPORARY}.{os.getpid()}.{time.time_ns()}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            if path.exists():
                with suppress(OSError):  # some file systems have no modes
                    part.chmod(stat.S_IMODE(path.stat().st_mode))
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _descriptor(name: str) -> int | None:
    """Returns the number of the open file that `-`, /dev/stdout, /dev/fd/3 or a link stands for."""
    if name == STDOUT:
        return 1
    path = Path(name)
    for _ in range(MAX_LINKS):
        path = Path(os.path.abspath(path))  # noqa: PTH100 resolve() would follow the link
        if path.as_posix() in STREAMS:
            return STREAMS[path.as_posix()]
        if match := OPEN_FILE.fullmatch(path.as_posix()):
            return int(match[1])
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _identity(name: str) -> object:
    """Returns what is equal for two names of the same file, pipe or descriptor."""
    number = _descriptor(name)
    try:
        status = Path(name).stat() if number is None else os.fstat(number)
    except OSError:
        return os.path.realpath(name) if number is None else number
    if stat.S_ISCHR(status.st_mode):  # /dev/null takes everything
        return object() if number is None else number
    return status.st_dev, status.st_ino


def _problem(name: str, force: bool) -> str:
    """Returns why an output cannot be written; empty if it can."""
    try:
        if (number := _descriptor(name)) is not None:
            os.write(number, b"")  # fails unless it is open for writing
            return ""
        path = Path(os.path.realpath(name))
        if not path.exists():
            return _problem_of_new(path, name)
        return _problem_of_existing(path, force)
    except OSError as error:
        return f"cannot be written ({error.strerror})"


def _problem_of_new(path: Path, name: str) -> str:
    if not name or name.endswith((os.sep, os.altsep or os.sep)):
        return "must be a file; got a folder: add a file name"
    if path.is_symlink():
        return "cannot be written (the link leads to itself)"
    parent = next(parent for parent in path.parents if parent.exists())
    if not parent.is_dir():
        return f"cannot be written ({parent} is no folder)"
    return "" if _may_write(parent) else f"cannot be written ({parent}: permission denied)"


def _problem_of_existing(path: Path, force: bool) -> str:
    if path.is_dir():
        return "must be a file; got a folder: add a file name"
    if path.is_fifo() or path.is_char_device():
        return "" if _may_write(path) else "cannot be written (permission denied)"
    if not path.is_file():
        return f"must be a file or a pipe; got {files.kind(path)}"
    if not (_may_write(path) and _may_write(path.parent)):
        return "cannot be written (permission denied)"
    if ".dvc" in path.parts:
        return "must not be in DVC's cache; name another file"
    if not force and not is_written_here(path):
        return "exists, and holds no predictions; name another file, or overwrite it with --force"
    return ""


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK)
