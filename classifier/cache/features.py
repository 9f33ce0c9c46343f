"""Cached features by what they were computed from, one file per network."""

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from classifier.cache import database
from classifier.cache.database import Database
from classifier.cache.recovery import RecoveringDatabase

FOLDER = "features"
SCHEMA = (
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, checksum BLOB NOT NULL, "
    "used INTEGER NOT NULL)",
    "CREATE TABLE vectors (id INTEGER PRIMARY KEY, value BLOB NOT NULL)",
)
ADD_KEY = "INSERT OR IGNORE INTO keys (key, checksum, used) VALUES (?, ?, ?)"
ADD_VECTOR = "INSERT INTO vectors VALUES (?, ?)"
# The row itself is read, not the copy of its key in the index that it was found by
BOTH = (
    "SELECT at.id, at.key, value, at.checksum, at.used >= ? FROM keys AS found "
    "JOIN keys AS at ON at.id = found.id JOIN vectors ON vectors.id = at.id WHERE found."
)
SMALLEST = 256  # bytes that a row takes at least: bounds the numbers a broken file is searched for

Found = tuple[Any, ...]  # a row of BOTH, of whatever types a flipped bit has left


def cache_file(folder: Path, fingerprint: str) -> Path:
    """Returns the file of a network's rows in the image store `folder`."""
    return folder / FOLDER / f"{fingerprint[:16]}.sqlite"


def is_intact(fingerprint: str, name: object, value: object, checksum: object) -> bool:
    """Tells whether key and value of a row are those that were sealed."""
    sound = isinstance(name, bytes) and isinstance(value, bytes)
    return sound and _checksum(fingerprint, name, value) == checksum  # type: ignore[arg-type]


def today() -> int:
    """Returns the day, counted from 1970; a row's use is noted to the day."""
    return int(time.time() // 86_400)


class FeatureCache:
    """Features of one network by content.

    A row that is damaged is noticed by its seal and is as good as missing; a file that is broken
    is replaced, with what could be saved of it.

    Args:
        folder: of the image store.
        fingerprint: of all between bytes and features, in hexadecimal.
        shape: of one image's features.
        dtype: of the features, in NumPy's words.
        note: what the network is, for people to read.

    Attributes:
        path: of the file.
        dtype: of the features, lowest byte first.
        shape: of one image's features.
        contended: whether another process has computed the same rows meanwhile.
        damaged: rows that did not fit their seal.

    Raises:
        StageError: a newer version of the project wrote it, the disk is full, or the like.
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
        self.path = cache_file(folder, fingerprint)
        self._file = RecoveringDatabase(self.path, SCHEMA, meta, self._salvage)

    def has(self, keys: Iterable[bytes]) -> set[bytes]:
        """Returns those of the keys that have a row."""
        wanted = list(keys)
        query = f"SELECT key FROM keys WHERE key IN ({_marks(wanted)})"
        return self._file.run(
            lambda layers: {found for at in layers for (found,) in at.rows(query, wanted)}
        )

    def get(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Returns the features of those keys that have a sound row: read-only, `shape`."""
        wanted = list(keys)
        query = f"{BOTH}key IN ({_marks(wanted)})"
        return self._file.run(
            lambda layers: {
                found: np.frombuffer(value, self.dtype).reshape(self.shape)
                for at in layers
                for found, value in self._sound(at, at.rows(query, [today(), *wanted]))
            }
        )

    def check_index(self) -> None:
        """Makes sure that rows that seem to be missing are not just hidden by a damaged index.

        Reads all keys, but no features. A file that fails is replaced, with
        what could be saved of it.
        """
        self._file.run(_check_index)

    def put(self, keys: Sequence[bytes], features: np.ndarray) -> None:
        """Keeps rows, all of them or none.

        Args:
            keys: N keys; one that has a row keeps it.
            features: `dtype` (N, *shape).
        """
        values = [row.tobytes() for row in np.ascontiguousarray(features, self.dtype)]
        pairs = list(zip(keys, values, strict=True))
        self._file.run(partial(self._put, pairs=pairs))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _put(self, layers: list[Database], pairs: Iterable[tuple[bytes, bytes]]) -> None:
        with layers[0].transaction() as connection:
            for name, value in pairs:
                checksum = _checksum(self._fingerprint, name, value)
                added = connection.execute(ADD_KEY, (name, checksum, today()))
                if added.rowcount:
                    connection.execute(ADD_VECTOR, (added.lastrowid, value))
                elif connection.execute(f"{BOTH}key = ?", (today(), name)).fetchone():
                    self.contended = True
                else:
                    raise layers[0].damaged("index and rows disagree")

    def _sound(self, at: Database, rows: list[Found]) -> list[tuple[bytes, bytes]]:
        """Returns keys and values of sound rows; drops the others, and notes the day of use."""
        broken = {row[0] for row in rows if not is_intact(self._fingerprint, *row[1:4])}
        old = {row[0] for row in rows if not row[4]}
        if broken and at.writable and at.rows("PRAGMA integrity_check(1)") != [("ok",)]:
            raise at.damaged("rows and their index disagree")
        if at.writable and (broken or old):
            with at.transaction() as connection:
                for table in ("keys", "vectors"):
                    ids = [(number,) for number in broken]
                    connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)
                used = [(today(), number) for number in old]
                connection.executemany("UPDATE keys SET used = ? WHERE id = ?", used)
        self.damaged += len(broken)
        return [(row[1], row[2]) for row in rows if row[0] not in broken]

    def _salvage(self, aside: Path, layers: list[Database]) -> str:
        """Copies the sound rows of a broken file, and deletes it if there were any."""
        saved = 0
        with contextlib.closing(sqlite3.connect(aside)) as connection:
            for group in _readable(connection, aside.stat().st_size):
                sound = [row[1:3] for row in group if is_intact(self._fingerprint, *row[1:4])]
                self._put(layers, sound)
                saved += len(sound)
        if saved:
            for rest in aside.parent.glob(f"{aside.name}*"):
                rest.unlink()
        return f"{saved:,} of its rows could be saved"


def _checksum(fingerprint: str, name: bytes, value: bytes) -> bytes:
    return database.checksum(fingerprint.encode(), name, value)


def _readable(connection: sqlite3.Connection, size: int) -> Iterator[list[Found]]:
    """Yields the rows of a broken file of `size` bytes that can be read, some at a time."""

    def between(first: int, last: int) -> list[Found]:
        return connection.execute(f"{BOTH}id BETWEEN ? AND ?", (0, first, last)).fetchall()

    try:
        ((most,),) = connection.execute("SELECT max(id) FROM vectors").fetchall()
    except database.BROKEN:
        return
    for first in range(1, min(most or 0, size // SMALLEST) + 1, 64):
        try:
            yield between(first, first + 63)
        except database.BROKEN:
            for number in range(first, first + 64):
                with contextlib.suppress(*database.BROKEN):
                    yield between(number, number)


def _check_index(layers: list[Database]) -> None:
    for at in layers:
        (said,), *_ = at.rows("PRAGMA integrity_check('keys')")
        if said != "ok":
            raise at.damaged(said)


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
