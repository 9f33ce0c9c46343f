"""Columns of text in the Parquet files of results/features_*."""

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO, Any

import numpy as np

from classifier.common import files, parquet
from classifier.common.disk_array import read_rows

REMEDY = "run `dvc repro`"


class TextColumn:
    """A column of several files, copied to a temporary file when it is first used.

    Its users jump between the rows, and Parquet is decompressed a page at a time. The copy is UTF-8
    of one width.

    Args:
        paths: of the files, one or more.
        name: of the column.
        counts: number of rows of each.
    """

    def __init__(self, paths: Sequence[Path], name: str, counts: Sequence[int]) -> None:
        self._paths, self._name, self._counts = paths, name, counts
        self._lock = Lock()

    @property
    def parts(self) -> "list[TextPart]":
        """Returns the rows of each file."""
        starts = np.cumsum([0, *self._counts]).tolist()
        return [TextPart(self, *rows) for rows in zip(starts, self._counts, strict=False)]

    @cached_property
    def _copy(self) -> tuple[IO[bytes], np.dtype]:
        longest = max((len(text) for texts in self._blocks() for text in texts), default=0)
        dtype = np.dtype(f"S{max(longest, 1)}")
        folder = self._paths[0].parent.parent
        with files.disk_errors(folder):
            file = _temporary_file(folder)
            weakref.finalize(self, file.close)
            for texts in self._blocks():
                file.write(np.array(texts, dtype).tobytes())
            file.flush()
        return file, dtype

    def _blocks(self) -> Iterator[list[bytes]]:
        for path in self._paths:
            for columns in parquet.iter_batches(path, [self._name], REMEDY):
                yield [text.encode() for text in columns[self._name]]

    @property
    def dtype(self) -> np.dtype:
        """Returns the type of a row."""
        with self._lock:
            return self._copy[1]

    def read(self, start: int, count: int, rows: Any) -> np.ndarray:
        """Returns some of the `count` rows from `start` on."""
        with self._lock:
            file, dtype = self._copy
            return read_rows(file, start * dtype.itemsize, dtype, (count,), rows)


def _temporary_file(folder: Path) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError:  # read-only
        return tempfile.TemporaryFile()


class TextPart:
    """The rows of one file, indexed like an array; see `TextColumn.parts`."""

    def __init__(self, column: TextColumn, start: int, count: int) -> None:
        self._column, self._start, self._count = column, start, count

    @property
    def dtype(self) -> np.dtype:
        """Returns the type of a row, the same in all parts."""
        return self._column.dtype

    @property
    def shape(self) -> tuple[int]:
        """Returns (n,)."""
        return (self._count,)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self._count

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns rows, bytes of UTF-8, as an array does."""
        if not self._count:
            return np.empty(0, self.dtype)[rows]
        return self._column.read(self._start, self._count, rows)
