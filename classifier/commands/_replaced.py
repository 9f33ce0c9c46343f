"""Files that a command would replace: the user's are kept unless the user says so."""

from pathlib import Path

from classifier.common import objects
from classifier.common.errors import StageError

REMEDY = "exists already; choose another name, or add --force to replace it"
START = 1000  # bytes that are searched for a mark


def refuse(path: Path, *, force: bool, mark: bytes = b"") -> None:
    """Raises a StageError if writing to `path` would replace a file of the user's.

    Args:
        path: to write to.
        force: whether any file may be replaced.
        mark: what the first bytes of a file that may be replaced contain; empty: none may be.
    """
    if path.is_dir():
        raise StageError(f"{path}: must be a file; got a folder: add a file name")
    if force or not path.exists():
        return
    if path.is_file() and mark:
        with path.open("rb") as file:
            if mark in file.read(START):
                return
    raise StageError(f"{path}: {REMEDY}")


def refuse_at(address: str, *, force: bool) -> None:
    """Raises a StageError if writing to an address would replace a file, or it cannot be read."""
    try:
        if not force and objects.exists(address):
            raise StageError(f"{address}: {REMEDY}")
    except OSError as error:
        raise StageError(f"{address}: cannot be read ({error})") from None
