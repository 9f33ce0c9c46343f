"""Rows of numbers in a temporary file, so that they take no memory."""

import math
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any, Protocol

import numpy as np

BLOCK = 65_536  # rows that are read at once
SMALL = 16_000_000  # bytes of an array that may be mapped: mapped pages count as memory


class Rows(Protocol):
    """N rows of numbers, wherever they are."""

    def __len__(self) -> int:
        """Returns N."""

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""


def in_memory(rows: Rows) -> np.ndarray:
    """Returns a copy in memory, (N, ...). Rows on disk are read a block at a time."""
    none = rows[:0]
    found = np.empty((len(rows), *none.shape[1:]), none.dtype)
    for start in range(0, len(found), BLOCK):
        found[start : start + BLOCK] = rows[start : start + BLOCK]
    return found


def read_rows(
    file: IO[bytes], offset: int, dtype: np.dtype, shape: tuple[int, ...], rows: Any
) -> np.ndarray:
    """Returns some rows of an array in a file, of which no more is in memory.

    Args:
        file: open, for this alone.
        offset: of the array, in bytes.
        dtype: of its values.
        shape: (N, ...), N at least 1.
        rows: what a NumPy array is indexed with; of a large array a slice or int (n,).
    """
    size = dtype.itemsize * math.prod(shape[1:])
    if isinstance(rows, slice):
        start, stop, step = rows.indices(shape[0])
        if step == 1:
            found = np.empty((max(stop - start, 0), *shape[1:]), dtype)
            file.seek(offset + start * size)
            _fill(found.reshape(-1).view(np.uint8).data, file)
            return found
        rows = np.arange(start, stop, step)
    if shape[0] * size <= SMALL or np.ndim(rows) != 1:
        buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.array(np.ndarray(shape, dtype, buffer, offset)[rows])
    index = (
        np.flatnonzero(rows) if rows.dtype == bool else np.where(rows < 0, rows + shape[0], rows)
    )
    found = np.empty((len(index), *shape[1:]), dtype)
    data = found.reshape(-1).view(np.uint8).data
    runs = np.flatnonzero(np.diff(index, prepend=-2) != 1)
    for start, end in zip(runs.tolist(), [*runs[1:].tolist(), len(index)], strict=False):
        file.seek(offset + int(index[start]) * size)
        _fill(data[start * size : end * size], file)
    return found


def _fill(buffer: memoryview, file: IO[bytes]) -> None:
    """Reads until the buffer is full: one call returns 2 GiB at most."""
    while buffer:
        if not (count := file.readinto(buffer)):  # type: ignore[attr-defined]
            raise EOFError(f"{len(buffer)} bytes are missing")
        buffer = buffer[count:]


class DiskArray:
    """N rows in a temporary file.

    Args:
        file: empty, open for writing and reading, best without a buffer.
        shape: of a row.
        dtype: of the numbers.
    """

    def __init__(
        self, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype | type = np.float32
    ) -> None:
        self._file, self._lock = file, Lock()
        self._shape, self._count, self._dtype = shape, 0, np.dtype(dtype)

    @property
    def dtype(self) -> np.dtype:
        """Returns the type of the numbers."""
        return self._dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Returns the shape."""
        return self._count, *self._shape

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self._count

    def append(self, rows: np.ndarray) -> None:
        """Adds rows at the end, (n, ...)."""
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            data = memoryview(rows.astype(self._dtype, copy=False).tobytes())
            while data:  # a full disk takes a part of them, and raises an error the next time
                data = data[self._file.write(data) :]
            self._file.flush()
        self._count += len(rows)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""
        shape = self._count, *self._shape
        if not self._count:
            return np.empty(shape, self._dtype)[rows]
        with self._lock:
            return read_rows(self._file, 0, self._dtype, shape, rows)


@dataclass(frozen=True)
class ComputedRows:
    """Rows that are computed from others whenever they are used.

    Attributes:
        rows: the others.
        compute: returns the rows for some of these.
    """

    rows: Rows
    compute: Callable[[np.ndarray], np.ndarray]

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.rows)

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""
        return self.compute(self.rows[index])
