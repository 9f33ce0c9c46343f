"""Rows of numbers in a temporary file, so that they take no memory."""

import math
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any, Protocol

import numpy as np

WINDOW = 2**22  # bytes of a file that are mapped at once: mapped pages count as memory


class Rows(Protocol):
    """N rows of numbers, wherever they are."""

    def __len__(self) -> int:
        """Returns N."""

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""


def read_rows(
    file: IO[bytes], offset: int, dtype: np.dtype, shape: tuple[int, ...], rows: Any
) -> np.ndarray:
    """Returns some rows of an array in a file, of which no more is in memory.

    Args:
        file: open, for this alone.
        offset: of the array, in bytes.
        dtype: of its values.
        shape: (N, ...), N at least 1.
        rows: a number, a slice, a mask, or an int array of any shape.
    """
    size = dtype.itemsize * math.prod(shape[1:])
    if isinstance(rows, slice):
        start, stop, step = rows.indices(shape[0])
        if step == 1:
            found = np.empty((max(stop - start, 0), *shape[1:]), dtype)
            file.seek(offset + start * size)
            _fill(found.reshape(-1).view(np.uint8).data, file)
            return found
    index = positions(rows, shape[0])
    flat = index.ravel()
    order = np.argsort(flat, kind="stable")
    flat, found = flat[order], np.empty((len(flat), *shape[1:]), dtype)
    length = max(1, WINDOW // size)  # rows
    starts = np.flatnonzero(np.diff(flat // length, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(flat)], strict=False):
        first = int(flat[start]) // length * length
        window = _mapped(file, offset + first * size, min(length, shape[0] - first) * size)
        values = np.ndarray((len(window) // size, *shape[1:]), dtype, window)
        found[order[start:end]] = values[flat[start:end] - first]
    return found.reshape((*index.shape, *shape[1:]))


def positions(rows: Any, count: int) -> np.ndarray:
    """Returns the places of rows, 0 to `count` - 1, int of any shape.

    Args:
        rows: a number, a slice, a mask, or an int array of any shape.
        count: number of all rows.

    Raises:
        IndexError: there are no such rows.
    """
    if isinstance(rows, slice):
        return np.arange(*rows.indices(count))
    index = np.asarray(rows)
    if index.dtype == bool:
        if index.shape != (count,):
            raise IndexError(f"a mask must have {count} values; got {index.shape}")
        return np.flatnonzero(index)
    if not index.size:
        return index.astype(int)
    if index.min() < -count or index.max() >= count:
        raise IndexError(f"rows must be below {count}; got {index.min()} to {index.max()}")
    return np.where(index < 0, index + count, index)


def _mapped(file: IO[bytes], start: int, length: int) -> memoryview:
    """Returns some bytes of a file."""
    before = start % mmap.ALLOCATIONGRANULARITY
    window = mmap.mmap(
        file.fileno(), before + length, access=mmap.ACCESS_READ, offset=start - before
    )
    return memoryview(window)[before:]


def _fill(buffer: memoryview, file: IO[bytes]) -> None:
    """Reads until the buffer is full: one call returns 2 GiB at most."""
    while buffer:
        if not (count := file.readinto(buffer)):  # type: ignore[attr-defined]
            raise EOFError(f"{len(buffer)} bytes are missing")
        buffer = buffer[count:]


class DiskArray:
    """(N, K) rows in a temporary file.

    Args:
        file: empty, open for writing and reading, best without a buffer.
        width: K.
        dtype: of the numbers.
    """

    def __init__(self, file: IO[bytes], width: int, dtype: type = np.float32) -> None:
        self._file, self._lock = file, Lock()
        self._width, self._count, self._dtype = width, 0, np.dtype(dtype)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self._count

    def append(self, rows: np.ndarray) -> None:
        """Adds rows at the end, (n, K)."""
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            data = memoryview(rows.astype(self._dtype, copy=False).tobytes())
            while data:  # a full disk takes a part of them, and raises an error the next time
                data = data[self._file.write(data) :]
            self._file.flush()
        self._count += len(rows)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""
        shape = self._count, self._width
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
