"""A column of text in the Parquet files of results/features_*."""

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from classifier.common import parquet
from classifier.common.disk_array import DiskArray


class TextColumn:
    """The text of N rows in several files, indexed like an array of UTF-8, bytes of one width.

    When it is first used, it is copied to a temporary file: its users jump between the rows, and
    Parquet is decompressed a page at a time.

    Args:
        paths: of the files, one or more, in the order of their rows.
        name: of the column.
        count: N.
    """

    def __init__(self, paths: Sequence[Path], name: str, count: int) -> None:
        self._paths, self._name, self._count = paths, name, count

    @cached_property
    def _rows(self) -> DiskArray:
        width = max((len(text) for texts in self._blocks() for text in texts), default=1)
        file = tempfile.TemporaryFile(dir=self._paths[0].parent.parent, buffering=0)  # noqa: SIM115
        weakref.finalize(self, file.close)
        rows = DiskArray(file, (), np.dtype(f"S{max(width, 1)}"))
        for texts in self._blocks():
            rows.append(np.array(texts, rows.dtype))
        return rows

    def _blocks(self) -> Iterator[list[bytes]]:
        for path in self._paths:
            for columns in parquet.iter_batches(path, [self._name]):
                yield [text.encode() for text in columns[self._name]]

    @property
    def dtype(self) -> np.dtype:
        """Returns the type of a row."""
        return self._rows.dtype

    @property
    def shape(self) -> tuple[int]:
        """Returns (N,)."""
        return (self._count,)

    def __len__(self) -> int:
        """Returns N."""
        return self._count

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns rows, as an array does."""
        return self._rows[rows]
