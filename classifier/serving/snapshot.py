"""Tells whether files have been replaced since they were read, as `dvc repro` may do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier.common.errors import StageError


def signature(*paths: Path) -> list[tuple[str, int, int, int]]:
    """Returns path, size, time and inode of every file, those in folders included."""
    files = [file for path in paths for file in (path, *sorted(path.rglob("*")))]
    result = []
    for file in files:
        try:
            status = file.stat()
        except OSError:  # not there, or not any more
            continue
        result.append((str(file), status.st_size, status.st_mtime_ns, status.st_ino))
    return result


@contextmanager
def unchanged(*paths: Path) -> Iterator[None]:
    """Raises a StageError if files are replaced during the block, whatever that makes it do."""
    before = signature(*paths)
    names = " and ".join(path.as_posix() for path in paths)
    changed = StageError(f"{names}: changed while read; run again once `dvc repro` is done")
    try:
        yield
    except Exception:
        if signature(*paths) != before:
            raise changed from None
        raise
    if signature(*paths) != before:
        raise changed
