"""Temporary files for arrays and tables that would take memory."""

import os
import sqlite3
import tempfile
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from classifier.common import files
from classifier.common.disk_array import BLOCK, DiskArray, Rows

NAME = "scratch"  # begins the names of databases


class Scratch:
    """Temporary files in a folder, which exist as long as this is open."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, ExitStack()

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._files.close()

    def file(self) -> IO[bytes]:
        """Returns a new file, open for writing and reading."""
        file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 closed above
        return self._files.enter_context(file)

    def database(self, *schema: str) -> sqlite3.Connection:
        """Returns a new database with the tables of the statements `schema`.

        Its changes cannot be taken back; each that is not in a transaction costs a write.
        """
        files.remove_leftovers(self._folder / NAME)
        handle, name = tempfile.mkstemp(".part", f"{NAME}.{os.getpid()}.", self._folder)
        os.close(handle)
        path = Path(name)
        self._files.callback(_remove, path)
        address = f"{path.absolute().as_uri()}?nolock=1"
        connection = sqlite3.connect(address, uri=True, isolation_level=None)
        self._files.enter_context(closing(connection))
        for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", *schema):
            connection.execute(statement)
        _remove(path)  # now, so that a kill leaves nothing behind
        return connection

    def array(self, shape: tuple[int, ...], dtype: np.dtype | type = np.float32) -> DiskArray:
        """Returns an array without rows, each of which will have this shape."""
        return DiskArray(self.file(), shape, dtype)

    def keep(self, values: Rows) -> DiskArray:
        """Returns an array with these rows."""
        none = values[:0]
        array = self.array(none.shape[1:], none.dtype)
        for start in range(0, len(values), BLOCK):
            array.append(values[start : start + BLOCK])
        return array


def _remove(path: Path) -> None:
    with suppress(OSError):  # Windows and some shared folders keep a file that is open
        path.unlink(missing_ok=True)
