"""The parts of a table: which image is in which, and what is written of it."""

import hashlib
import marshal
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO

import numpy as np

from classifier.common import parallel
from classifier.dataset import features
from classifier.dataset.feature_writer import Part
from classifier.dataset.manifest import ImageRow
from classifier.dataset.npz import Column
from classifier.images.augmentation import ViewParams

MOST = 50_000  # images of a table of one part
PARTS = 256  # of a larger one
BLOCK = 64  # images of a part that are written to the temporary file at once
ROWS = 1024  # images of a part that are made into arrays at once
FORMAT = 1  # raise it when a part of the same images gets other bytes


class Spill:
    """The images of a table, by part, in a temporary file: few are in memory.

    Args:
        file: may hold other tables, too.
        most: images of a table of one part.
    """

    def __init__(self, file: IO[bytes], most: int = MOST) -> None:
        self._file, self._most = file, most
        self.images = 0
        self._divide(1)

    def _divide(self, count: int) -> None:
        self._waiting: list[list[ImageRow]] = [[] for _ in range(count)]
        self._blocks = [array("q") for _ in range(count)]  # start, size, start, ...

    def __len__(self) -> int:
        """Returns the number of parts."""
        return len(self._blocks)

    def add(self, row: ImageRow) -> None:
        """Adds the next image."""
        self.images += 1
        if self.images == self._most + 1:
            rows = list(self.rows(0))
            self._divide(PARTS)
            for one in rows:
                self._append(one)
        self._append(row)

    def _append(self, row: ImageRow) -> None:
        number = int(row.sha256[:2], 16) if len(self) > 1 else 0
        waiting = self._waiting[number]
        waiting.append(row)
        if len(waiting) == BLOCK:
            data = marshal.dumps(list(map(tuple, waiting)))
            self._blocks[number].extend((self._file.seek(0, 2), self._file.write(data)))
            waiting.clear()

    def rows(self, number: int) -> Iterator[ImageRow]:
        """Yields the images of a part, in the order in which they were added."""
        ends = iter(self._blocks[number])
        for start, size in zip(ends, ends, strict=True):
            self._file.seek(start)
            yield from (ImageRow(*values) for values in marshal.loads(self._file.read(size)))
        yield from self._waiting[number]


def make_parts(
    images: Spill,
    views: ViewParams,
    class_names: Sequence[str],
    vectors: Callable[[Iterable[ImageRow], int], Column],
    depends_on: Sequence[object],
) -> Iterator[Part]:
    """Yields the parts of a table.

    Args:
        images: all of its images.
        views: which views there are of each.
        class_names: sorted.
        vectors: returns the features of all views of some images, and is told how many these are.
        depends_on: what features depend on besides the images.
    """
    for number in range(len(images)):
        arrays, conversions = columns(images.rows(number), views, class_names)
        digest = digest_of(arrays, conversions, depends_on)
        written = {name: Column.from_array(values) for name, values in arrays.items()}
        found = vectors(images.rows(number), len(arrays["views"]))
        yield Part(digest, {"features": found, **written})


def columns(
    rows: Iterable[ImageRow], views: ViewParams, class_names: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the arrays of a part, without the features, and the conversion of each image.

    Text is UTF-8. Rows are read ROWS at a time: they take five times the memory of the arrays.
    """
    index = {name: number for number, name in enumerate(class_names)}
    blocks, conversions = [_columns([], views, index)], list[str]()
    for block in parallel.batched(rows, ROWS):
        blocks.append(_columns(block, views, index))
        conversions += (sys.intern(row.conversion) for row in block)
    names = blocks[0]
    return {n: np.concatenate([block[n] for block in blocks]) for n in names}, conversions


def _columns(
    rows: Sequence[ImageRow], views: ViewParams, index: Mapping[str, int]
) -> dict[str, np.ndarray]:
    numbers_of = {split: views.numbers_of(split) for split in {row.split for row in rows}}
    numbers = [numbers_of[row.split] for row in rows]
    counts = [len(each) for each in numbers]
    arrays = {
        "labels": np.array([index.get(row.label, -1) for row in rows], "<i4"),
        "sha256": features.binary_hashes(row.sha256 for row in rows),
        "paths": _utf8(row.path for row in rows),
        "groups": _utf8(row.group for row in rows),
        "splits": _utf8(row.split for row in rows),
    }
    repeated = {name: np.repeat(values, counts) for name, values in arrays.items()}
    return {**repeated, "views": np.array([n for each in numbers for n in each], "<i4")}


def _utf8(texts: Iterable[str]) -> np.ndarray:
    return np.array([text.encode() for text in texts], "S")


def digest_of(
    arrays: Mapping[str, np.ndarray], conversions: Iterable[str], depends_on: Sequence[object]
) -> str:
    """Returns a hash of all that the bytes of a part depend on."""
    digest = hashlib.sha256(repr((FORMAT, *depends_on)).encode())
    for name, values in arrays.items():
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        digest.update(values.tobytes())
    digest.update("\n".join(conversions).encode())
    return digest.hexdigest()
