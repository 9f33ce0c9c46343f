"""Records that are added one by one to a temporary file and read back."""

import numpy as np

from classifier.common.disk_array import DiskArray
from classifier.common.scratch import Scratch

BLOCK = 4096  # records in memory before they are written


class RecordFile:
    """Records of one type.

    Args:
        scratch: for the file.
        dtype: of a record.
    """

    def __init__(self, scratch: Scratch, dtype: np.dtype | type) -> None:
        self._array, self._waiting = scratch.array((), dtype), list[object]()

    def append(self, record: object) -> None:
        """Adds a record: a number, or a tuple with the fields."""
        self._waiting.append(record)
        if len(self._waiting) == BLOCK:
            self._write()

    def _write(self) -> None:
        self._array.append(np.array(self._waiting, self._array.dtype))
        self._waiting.clear()

    def rows(self) -> DiskArray:
        """Returns all that were added, (N,)."""
        self._write()
        return self._array
