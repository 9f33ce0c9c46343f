"""Temporary files for arrays that would take memory."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from classifier.common.disk_array import BLOCK, DiskArray, Rows


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
