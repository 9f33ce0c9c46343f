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
        self._most = WAITING if waiting is None else waiting
        self._dtype = np.dtype([("row", np.int32), ("record", dtype)])
        blocks = -(-count // BLOCK)
        self._waiting: list[list[np.ndarray]] = [[] for _ in range(blocks)]
        self._written: list[list[tuple[int, int]]] = [[] for _ in range(blocks)]  # start, size
        self._size = 0

    def append(self, rows: np.ndarray, records: np.ndarray) -> None:
        """Adds a record about each of some images, int (n,)."""
        both = np.empty(len(rows), self._dtype)
        both["row"], both["record"] = rows, records
        numbers = rows // BLOCK
        order = np.argsort(numbers, kind="stable")
        present, starts = np.unique(numbers[order], return_index=True)
        ends = [*starts[1:].tolist(), len(order)]
        for number, start, end in zip(present.tolist(), starts.tolist(), ends, strict=False):
            self._waiting[number].append(both[order[start:end]])
        self._size += both.nbytes
        if self._size > self._most:
            self._write()

    def _write(self) -> None:
        self._size, end = 0, self._file.seek(0, 2)
        for waiting, written in zip(self._waiting, self._written, strict=True):
            if waiting:
                data = memoryview(np.concatenate(waiting).tobytes())
                written.append((end, len(data)))
                end += len(data)
                waiting.clear()
                while data:  # a full disk takes a part of them, and raises an error the next time
                    data = data[self._file.write(data) :]

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
