"""Rows of numbers in a temporary file, so that they take no memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Protocol

import numpy as np

PIECE = 128  # rows that are mapped at once: mapped pages count as memory, and their neighbours, too


class Rows(Protocol):
    """N rows of numbers, wherever they are."""

    def __len__(self) -> int:
        """Returns N."""

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""


class DiskArray:
    """float32 (N, K) rows in a temporary file.

    Args:
        file: empty, open for writing and reading.
        width: K.
    """

    def __init__(self, file: IO[bytes], width: int) -> None:
        self._file, self._width, self._count = file, width, 0

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self._count

    def append(self, rows: np.ndarray) -> None:
        """Adds rows at the end, (n, K)."""
        self._file.write(rows.astype(np.float32, copy=False).tobytes())
        self._file.flush()  # others than this object read it
        self._count += len(rows)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""
        index = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        found = np.empty((len(index), self._width), np.float32)
        for start in range(0, len(index), PIECE):
            mapped = np.memmap(self._file, np.float32, "r", shape=(self._count, self._width))
            found[start : start + PIECE] = mapped[index[start : start + PIECE]]
        return found


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
