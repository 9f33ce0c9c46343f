"""Cached features by the content they were computed from: a file per network, 256 for millions."""

import math
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.cache.database import Access, checksum
from classifier.cache.feature_file import FeatureFile, Row, today
from classifier.cache.parts import COUNT, Parts
from classifier.common import progress
from classifier.common.errors import warn

FOLDER = "features"
LIMIT = 2_000_000  # rows of a network in one file
NEW = 8  # with parts, new rows are moved to them at this fraction of the limit
MOVED = 2**23  # bytes moved at once


def cache_file(folder: Path, fingerprint: str) -> Path:
    """Returns the file of a network's features in the cache `folder`."""
    return folder / FOLDER / f"{fingerprint[:16]}.sqlite"


class NewRows(NamedTuple):
    """Rows to add, with their checksums, which whoever computed the features computes, too."""

    keys: list[bytes]  # of N rows
    features: np.ndarray  # (N, *shape): contiguous, little-endian
    checksums: list[bytes]


def new_rows(fingerprint: str, dtype: str, keys: list[bytes], features: np.ndarray) -> NewRows:
    """Returns rows of the features (N, *shape) of a network, for a `FeatureCache` of this dtype."""
    features = np.ascontiguousarray(features, np.dtype(dtype).newbyteorder("<"))
    network, rows = fingerprint.encode(), zip(keys, features, strict=True)
    return NewRows(keys, features, [checksum(network, key, row.data) for key, row in rows])


class Shard(NamedTuple):
    """A file that one of several processes fills, while the cache is only read."""

    path: Path
    processor: str  # its instructions, on which the last bits of features depend


class FeatureCache:
    """Features of one network by key.

    Up to `limit` rows are in one file. Above, all are moved to 256 files by the first byte of their
    key; the first file then takes new rows, many of which are moved at once. A row that is in two
    files after a kill is the same in both.

    A damaged row counts as missing. A damaged file is replaced, with the rows that can be read.

    Args:
        folder: of the cache.
        fingerprint: of all between an image's bytes and its features, in hexadecimal.
        shape: of one image's features.
        dtype: of the features; they are stored little-endian.
        note: what the network is, for people to read.
        shard: where to add rows instead of the cache, which need not be locked then.
        limit: rows in one file.

    Attributes:
        path: of the file that takes new rows.
        meta: what is in each file, by name: the arguments.
        contended: whether another process has computed the same rows meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        shape: Sequence[int],
        dtype: str,
        note: str,
        shard: Shard | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.contended = False
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.shape = tuple(shape)
        self.meta = {
            "fingerprint": fingerprint,
            "shape": " ".join(map(str, shape)),
            "dtype": self.dtype.str,
            "note": note,
        }
        first = cache_file(folder, fingerprint)
        access = Access.FROZEN if shard else Access.SELDOM
        self._parts = Parts(first.with_suffix(""), self.meta, access)
        self._limit = sys.maxsize if shard else limit
        self._older: list[FeatureFile | Parts] = [self._parts]
        if shard:
            own = self.meta | {"processor": shard.processor}
            self._file = FeatureFile(shard.path, own, Access.ALONE)
            if first.exists():
                self._older.insert(0, FeatureFile(first, self.meta, access))
        else:
            self._file = FeatureFile(first, self.meta)
        self.path = self._file.path

    @property
    def writable(self) -> bool:
        """Tells whether new rows are kept; not in a read-only folder."""
        return self._file.writable

    @property
    def damaged(self) -> int:
        """Returns the number of rows that did not match their checksum."""
        return self._file.damaged + sum(file.damaged for file in self._older)

    def version(self) -> int:
        """Returns a number that changes once another process has added rows."""
        return self._file.version()

    def has(self, keys: Iterable[bytes]) -> set[bytes]:
        """Returns the keys that have a row."""
        wanted = list(keys)
        found = self._file.has(wanted)
        for file in self._older:  # in this order: what is moved meanwhile is found in one of them
            found |= file.has([key for key in wanted if key not in found])
        return found

    def get(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Returns the features of the keys that have an intact row: read-only, of `shape`."""
        wanted = list(keys)
        found = self._file.get(wanted)
        for file in self._older:
            found |= file.get([key for key in wanted if key not in found])
        return {
            key: np.frombuffer(value, self.dtype).reshape(self.shape)
            for key, value in found.items()
        }

    def put(self, keys: Sequence[bytes], features: np.ndarray) -> None:
        """Adds the rows of `features` (N, *shape), as `add` does."""
        self.add(new_rows(self.meta["fingerprint"], self.meta["dtype"], list(keys), features))

    def add(self, rows: NewRows) -> None:
        """Adds rows, all or none; a key that has a row keeps it."""
        assert rows.features.dtype == self.dtype, rows.features.dtype
        columns, day = zip(*rows, strict=True), today()
        self._file.add([Row(key, row.data, checksum, day) for key, row, checksum in columns])
        self.contended |= self._file.contended
        if self.writable and self._file.span() > self._limit // (NEW if self._parts else 1):
            self._divide()

    def check_index(self) -> bool:
        """Tells whether rows seemed to be missing because an index of keys was damaged.

        The file is then replaced. Reads all keys, but no features.
        """
        return sum(file.check_index() for file in (self._file, *self._older)) > 0

    def close(self) -> None:
        """Closes the files."""
        for file in (self._file, *self._older):
            file.close()

    def _divide(self) -> None:
        """Moves all rows of the first file to the parts, if there is room for them on the disk."""
        size, free = self.path.stat().st_size, shutil.disk_usage(self.path.parent).free
        if free < size:
            warn(
                f"{self.path}: {size / 1e9:,.1f} GB must be free to move its rows to {COUNT} files "
                f"in {self._parts.folder}; got {free / 1e9:,.1f} GB: they stay in one file"
            )
            self._limit *= 2  # asked again then
            return
        at_once = max(1, MOVED // (self.dtype.itemsize * math.prod(self.shape)))
        with progress.bar("dividing the cache", 0 if self._parts else COUNT, " files") as bar:
            for _ in self._parts.fill(self._file, at_once):
                bar.update()
        self._file.shrink()
