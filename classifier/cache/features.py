"""Cached features by the content they were computed from, one file per network."""

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from classifier.cache import database
from classifier.cache.database import Database, placeholders
from classifier.cache.recovery import RecoveringDatabase
from classifier.common import parallel
from classifier.common.errors import count

FOLDER = "features"
SCHEMA = (
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, checksum BLOB NOT NULL, "
    "used INTEGER NOT NULL)",
    "CREATE TABLE vectors (id INTEGER PRIMARY KEY, value BLOB NOT NULL)",
)
ADD_KEY = "INSERT OR IGNORE INTO keys (key, checksum, used) VALUES (?, ?, ?)"
ADD_VECTOR = "INSERT INTO vectors VALUES (?, ?)"
ROWS = "SELECT key, value, checksum, id, used IS NOT ? FROM vectors CROSS JOIN keys USING (id)"
ROWS_OF_KEYS = ROWS.replace("vectors CROSS JOIN keys", "keys CROSS JOIN vectors")

Row = tuple[Any, ...]  # of these queries; a flipped bit may have changed any type


def cache_file(folder: Path, fingerprint: str) -> Path:
    """Returns the file of a network's features in the cache `folder`."""
    return folder / FOLDER / f"{fingerprint[:16]}.sqlite"


def is_intact(fingerprint: str, key: object, value: object, checksum: object) -> bool:
    """Tells whether key and value of a row match its checksum."""
    if not isinstance(key, bytes) or not isinstance(value, bytes):
        return False
    return database.checksum(fingerprint.encode(), key, value) == checksum


def today() -> int:
    """Returns the day, counted from 1970; each row notes the day of its latest use."""
    return int(time.time() // 86_400)


class FeatureCache(RecoveringDatabase):
    """Features of one network by key.

    A damaged row counts as missing. A damaged file is replaced, with the rows that can be read.

    Args:
        folder: of the cache.
        fingerprint: of all between an image's bytes and its features, in hexadecimal.
        shape: of one image's features.
        dtype: of the features; they are stored little-endian.
        note: what the network is, for people to read.

    Attributes:
        contended: whether another process has computed the same rows meanwhile.
        damaged: number of rows that did not match their checksum.
    """

    def __init__(
        self, folder: Path, fingerprint: str, shape: Sequence[int], dtype: str, note: str
    ) -> None:
        self.contended = False
        self.damaged = 0
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.shape = tuple(shape)
        self._fingerprint = fingerprint
        meta = {
            "fingerprint": fingerprint,
            "shape": " ".join(map(str, shape)),
            "dtype": self.dtype.str,
            "note": note,
        }
        super().__init__(cache_file(folder, fingerprint), SCHEMA, meta)

    def has(self, keys: Iterable[bytes]) -> set[bytes]:
        """Returns the keys that have a row."""
        keys = list(keys)
        query = f"SELECT key FROM keys WHERE key IN ({placeholders(keys)})"
        return {key for (key,) in self.rows(query, keys)}

    def get(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Returns the features of the keys that have an intact row: read-only, of `shape`."""
        rows = self.run(partial(self._intact_rows, keys=list(keys)))
        return {
            key: np.frombuffer(value, self.dtype).reshape(self.shape) for key, value, *_ in rows
        }

    def check_index(self) -> bool:
        """Tells whether rows seemed to be missing because the index of keys was damaged.

        The file is then replaced. Reads all keys, but no features.
        """
        before = self.recoveries
        self.run(_check_index)
        return self.recoveries > before

    def put(self, keys: Sequence[bytes], features: np.ndarray) -> None:
        """Adds the rows of `features` (N, *shape), all or none; a key that has a row keeps it."""
        values = [row.tobytes() for row in np.ascontiguousarray(features, self.dtype)]
        items = list(zip(keys, values, strict=True))
        self.run(partial(self._add, items=items))

    def _add(self, opened: Database, items: Iterable[tuple[bytes, bytes]]) -> None:
        if not opened.writable:
            return
        with opened.transaction() as connection:
            for key, value in items:
                checksum = database.checksum(self._fingerprint.encode(), key, value)
                added = connection.execute(ADD_KEY, (key, checksum, today()))
                if added.rowcount:
                    connection.execute(ADD_VECTOR, (added.lastrowid, value))
                elif connection.execute(f"{ROWS_OF_KEYS} WHERE key = ?", (0, key)).fetchone():
                    self.contended = True
                else:
                    raise opened.damaged("the index of keys does not match its table")

    def _intact_rows(self, database: Database, keys: list[bytes]) -> list[Row]:
        """Returns the intact rows of these keys; deletes damaged ones, and notes the use."""
        query = f"{ROWS_OF_KEYS} WHERE key IN ({placeholders(keys)})"
        rows = database.rows(query, [today(), *keys])
        intact, damaged = list[Row](), list[Row]()
        for row in rows:
            (intact if is_intact(self._fingerprint, *row[:3]) else damaged).append(row)
        if damaged:
            _check_index(database)  # it may have led to the wrong rows
        stale = [(today(), row[3]) for row in intact if row[4]]
        if database.writable and (damaged or stale):
            with database.transaction() as connection:
                for table in ("keys", "vectors"):
                    ids = [row[3:4] for row in damaged]
                    connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)
                connection.executemany("UPDATE keys SET used = ? WHERE id = ?", stale)
        self.damaged += len(damaged)
        return intact

    def salvage(self, aside: Path) -> str:
        """Copies the intact rows of a damaged file, and deletes it if there are any."""
        copied = 0
        with contextlib.closing(sqlite3.connect(aside)) as connection:
            rows = _readable_rows(connection)
            intact = (row[:2] for row in rows if is_intact(self._fingerprint, *row[:3]))
            for items in parallel.batched(intact, 64):
                self._add(self._database, items)
                copied += len(items)
        if not copied:
            return f"set aside as {aside.name}; its features are computed again"
        for leftover in aside.parent.glob(f"{aside.name}*"):
            leftover.unlink()
        return f"{count(copied, 'cached feature')} recovered, the others are computed again"


def _check_index(database: Database) -> None:
    if database.writable:
        (answer,), *_ = database.rows("PRAGMA integrity_check('keys')")
        if answer != "ok":
            raise database.damaged(answer)


def _readable_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yields the rows of a damaged file that can be read; skips ever more rows after damage."""
    last, skip = 0, 1
    while last < 2**62:
        try:
            for row in connection.execute(f"{ROWS} WHERE id > ? ORDER BY id", (0, last)):
                last, skip = row[3], 1
                yield row
            return
        except database.ERRORS:
            last, skip = last + skip, 2 * skip
