"""Records about images that come in any order, some about one image, and are needed by image."""

from collections.abc import Iterator
from typing import IO

import numpy as np

BLOCK = 65_536  # images whose records are given back at once
WAITING = 16_000_000  # bytes of records in memory before they are written


class Records:
    """Records about N images in a temporary file.

    Args:
        file: empty, open for writing and reading.
        count: N.
        dtype: of a record.
        waiting: bytes of records in memory before they are written; WAITING by default.
    """

    def __init__(
        self, file: IO[bytes], count: int, dtype: np.dtype, waiting: int | None = None
    ) -> None:
        self._file, self._count = file, count
        self._dtype = np.dtype([("row", np.int32), ("record", dtype)])
        size = (WAITING if waiting is None else waiting) // self._dtype.itemsize
        self._waiting, self._size = np.empty(max(size, 1), self._dtype), 0
        blocks = -(-count // BLOCK)
        self._written: list[list[tuple[int, int]]] = [[] for _ in range(blocks)]  # start, size

    def append(self, rows: np.ndarray, records: np.ndarray) -> None:
        """Adds a record about each of some images, int (n,)."""
        while len(rows):
            place = self._waiting[self._size :][: len(rows)]
            count = len(place)
            place["row"], place["record"] = rows[:count], records[:count]
            self._size += count
            rows, records = rows[count:], records[count:]
            if self._size == len(self._waiting):
                self._write()

    def _write(self) -> None:
        waiting, end = self._waiting[: self._size], self._file.seek(0, 2)
        numbers = waiting["row"] // BLOCK
        order = np.argsort(numbers, kind="stable")
        present, starts = np.unique(numbers[order], return_index=True)
        for number, of_block in zip(present.tolist(), np.split(order, starts[1:]), strict=False):
            data = memoryview(waiting[of_block].tobytes())
            self._written[number].append((end, len(data)))
            end += len(data)
            while data:  # a full disk takes a part of them, and raises an error the next time
                data = data[self._file.write(data) :]
        self._size = 0

    def __iter__(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yields images in order: a slice, and the records about them in the order they came.

        With each record comes the place of its image in the slice, int32.
        """
        self._write()
        self._file.flush()
        for number, written in enumerate(self._written):
            start = number * BLOCK
            found = np.concatenate([np.empty(0, self._dtype), *map(self._read, written)])
            images = slice(start, min(start + BLOCK, self._count))
            yield images, found["row"] - np.int32(start), found["record"]

    def _read(self, place: tuple[int, int]) -> np.ndarray:
        start, size = place
        self._file.seek(start)
        data = bytearray()
        while len(data) < size:
            data += self._file.read(size - len(data)) or _missing(size - len(data))
        return np.frombuffer(data, self._dtype)


def _missing(size: int) -> bytes:
    raise EOFError(f"{size} bytes are missing")
