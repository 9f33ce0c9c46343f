"""An array whose rows lie in several files, and stay there until they are used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from classifier.common.disk_array import DiskArray, Rows
from classifier.dataset.npz import StoredArray
from classifier.dataset.text_column import TextPart

BLOCK = 262_144  # rows that are looked for at once


@dataclass(frozen=True)
class LazyArray:
    """The rows of several parts, one after the other; it is indexed like a NumPy array.

    Consecutive rows are read fast; rows here and there cost a look into each part that has one.

    Attributes:
        parts: at least one, of any kind of array; their rows have the same shape.
        text: whether they hold UTF-8, so that str comes out.
    """

    parts: "Sequence[np.ndarray | LazyArray | StoredArray | TextPart]"
    text: bool = False

    @cached_property
    def _starts(self) -> np.ndarray:
        """Returns the first row of each part and, at the end, the number of all."""
        return np.cumsum([0, *map(len, self.parts)])

    @cached_property
    def dtype(self) -> np.dtype:
        """Returns the dtype of the rows; of text the widest."""
        widest = max((part.dtype for part in self.parts), key=lambda dtype: dtype.itemsize)
        return np.dtype(f"U{widest.itemsize}") if self.text else widest

    @property
    def shape(self) -> tuple[int, ...]:
        """Returns the shape."""
        return len(self), *self.parts[0].shape[1:]

    @property
    def encoded(self) -> "LazyArray":
        """Returns the array with text as UTF-8, bytes of a fixed width."""
        return replace(self, text=False)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return int(self._starts[-1])

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns rows: those of a number, a slice, a mask, or an int array of any shape."""
        found = self.parts[0][rows] if len(self.parts) == 1 else self._gathered(rows)
        return np.char.decode(found, "utf-8") if self.text else found

    def _gathered(self, rows: Any) -> np.ndarray:
        """Returns rows of several parts, each of which is opened once for BLOCK rows."""
        index = self._positions(rows)
        flat = index.ravel()
        result = np.empty((len(flat), *self.shape[1:]), self.encoded.dtype)
        for start in range(0, len(flat), BLOCK):
            self._fill(result[start : start + BLOCK], flat[start : start + BLOCK])
        return result.reshape((*index.shape, *self.shape[1:]))

    def _fill(self, result: np.ndarray, rows: np.ndarray) -> None:
        parts = np.searchsorted(self._starts, rows, "right") - 1
        order = np.argsort(parts, kind="stable")
        bounds = np.searchsorted(parts[order], np.arange(len(self.parts) + 1))
        for number in np.unique(parts).tolist():
            places = order[slice(*bounds[number : number + 2])]
            result[places] = self.parts[number][rows[places] - self._starts[number]]

    def _positions(self, rows: Any) -> np.ndarray:
        """Returns the places of rows, 0 to N - 1, int of any shape."""
        if isinstance(rows, slice):
            return np.arange(*rows.indices(len(self)))
        index = np.asarray(rows)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise IndexError(f"a mask must have {len(self)} values; got {index.shape}")
            return np.flatnonzero(index)
        if not index.size:
            return index.astype(int)
        if index.min() < -len(self) or index.max() >= len(self):
            raise IndexError(f"rows must be below {len(self)}; got {index.min()} to {index.max()}")
        return np.where(index < 0, index + len(self), index) if index.min() < 0 else index


@dataclass(frozen=True)
class Selected:
    """Some rows of an array, in any order, read when they are used.

    Attributes:
        array: (M, ...), in memory or on disk.
        rows: int (N,), in memory or on disk.
        dtype: of the values returned.
    """

    array: "np.ndarray | DiskArray | LazyArray | StoredArray | Selected"
    rows: Rows
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Returns (N, ...)."""
        return (len(self.rows), *self.array.shape[1:])

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.rows)

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray:
        """Returns the rows of a slice or of an int array."""
        return np.asarray(self.array[self.rows[index]], self.dtype)
