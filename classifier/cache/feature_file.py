"""A file of cached features, as bytes by key."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from classifier.cache import database
from classifier.cache.database import Access, Database, placeholders
from classifier.cache.recovery import RecoveringDatabase
from classifier.common import parallel
from classifier.common.errors import StageError, count

SCHEMA = (
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, checksum BLOB NOT NULL, "
    "used INTEGER NOT NULL)",
    "CREATE TABLE vectors (id INTEGER PRIMARY KEY, value BLOB NOT NULL)",
)
ADD_KEY = "INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?)"
ADD_VECTOR = "INSERT INTO vectors VALUES (?, ?)"
ROWS = "SELECT key, value, checksum, used, id FROM vectors CROSS JOIN keys USING (id)"
ROWS_OF_KEYS = ROWS.replace("vectors CROSS JOIN keys", "keys CROSS JOIN vectors")
LAST = "SELECT ifnull(max(id), 0) FROM keys"
NEWER = "SELECT id FROM keys WHERE id > ?"
SPAN = "SELECT (SELECT max(id) FROM keys) - (SELECT min(id) FROM keys) + 1"
NOTED = 4096  # rows whose use is noted at once


class Row(NamedTuple):
    """A row of both tables; a flipped bit may have changed any type."""

    key: bytes
    value: bytes  # or a view of them, in a row to add
    checksum: bytes
    used: int  # day of its latest use
    id: int = 0


def is_intact(fingerprint: str, key: object, value: object, checksum: object) -> bool:
    """Tells whether key and value of a row match its checksum."""
    if not isinstance(key, bytes) or not isinstance(value, bytes):
        return False
    return database.checksum(fingerprint.encode(), key, value) == checksum


def today() -> int:
    """Returns the day, counted from 1970; each row notes the day of its latest use."""
    return int(time.time() // 86_400)


class FeatureFile(RecoveringDatabase):
    """The features of one network by key, in one file.

    A damaged row counts as missing. A damaged file is replaced, with the rows that can be read.

    Args:
        path: of the file.
        meta: what it holds, with the `fingerprint` of the network.
        access: who else uses it.

    Attributes:
        contended: whether another process has added the same rows meanwhile.
        damaged: number of rows that did not match their checksum.
    """

    def __init__(self, path: Path, meta: Mapping[str, str], access: Access = Access.SHARED) -> None:
        self.contended = False
        self.damaged = 0
        self._fingerprint = meta["fingerprint"]
        self._used = list[int]()  # ids whose use is not noted yet
        super().__init__(path, SCHEMA, meta, access)

    def version(self) -> int:
        """Returns a number that changes once another process has written to the file."""
        ((version,),) = self.rows("PRAGMA data_version")
        return version

    def has(self, keys: Sequence[bytes]) -> set[bytes]:
        """Returns the keys that have a row."""
        query = f"SELECT key FROM keys WHERE key IN ({placeholders(keys)})"
        return {key for (key,) in self.rows(query, keys)}

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Returns the features of the keys that have an intact row."""
        rows = self.run(partial(self._get, keys=keys))
        return {row.key: row.value for row in rows}

    def add(self, rows: Sequence[Row]) -> None:
        """Adds rows, all or none; a key that has a row keeps it."""
        self.run(partial(self._add, rows=rows))

    def move(self, first: int, target: "FeatureFile", limit: int) -> int:
        """Moves up to `limit` rows whose key begins with byte `first`, and returns their number.

        A kill loses none. What another process moves at the same time is not moved twice.

        Raises:
            StageError: the target cannot be written.
        """
        return self.run(partial(self._move, first=first, target=target, limit=limit))

    def first_bytes(self) -> list[int]:
        """Returns the bytes that keys begin with, in order."""
        rows = self.rows("SELECT DISTINCT substr(key, 1, 1) FROM keys ORDER BY 1")
        return [byte[0] for (byte,) in rows if isinstance(byte, bytes) and byte]

    def span(self) -> int:
        """Returns the number of rows, or more if some between them were deleted."""
        ((span,),) = self.rows(SPAN)
        return span or 0

    def shrink(self) -> None:
        """Returns the space of moved rows to the system, unless another process is writing."""
        with contextlib.suppress(StageError):
            self.rows("VACUUM")
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def check_index(self) -> bool:
        """Tells whether rows seemed to be missing because the index of keys was damaged.

        The file is then replaced. Reads all keys, but no features.
        """
        before = self.recoveries
        self.run(_check_index)
        return self.recoveries > before

    def close(self) -> None:
        """Closes the file."""
        with contextlib.suppress(StageError):  # the day of use is worth no error
            self.run(self._note_use)
        super().close()

    def salvage(self, aside: Path) -> str:
        """Copies the intact rows of a damaged file, and deletes it if there are any."""
        copied = 0
        with contextlib.closing(sqlite3.connect(aside)) as connection:
            for rows in parallel.batched(_readable_rows(connection), 64):
                intact = [row._replace(used=today()) for row in rows if self._is_intact(row)]
                self._add(self._database, intact)
                copied += len(intact)
        if not copied:
            return f"set aside as {aside.name}; its features are computed again"
        for leftover in aside.parent.glob(f"{aside.name}*"):
            leftover.unlink()
        return f"{count(copied, 'cached feature')} recovered, the others are computed again"

    def _is_intact(self, row: Row) -> bool:
        return is_intact(self._fingerprint, *row[:3])

    def _get(self, opened: Database, keys: Sequence[bytes]) -> list[Row]:
        """Returns the intact rows of these keys; deletes damaged ones, and notes the use."""
        query = f"{ROWS_OF_KEYS} WHERE key IN ({placeholders(keys)})"
        intact, damaged = list[Row](), list[Row]()
        for row in map(Row._make, opened.rows(query, keys)):
            (intact if self._is_intact(row) else damaged).append(row)
        if damaged:
            _check_index(opened)  # it may have led to the wrong rows
            if opened.writable:
                with opened.transaction() as connection:
                    _delete(connection, damaged)
        day = today()
        self._used += [row.id for row in intact if row.used != day]
        if len(self._used) >= NOTED:
            self._note_use(opened)
        self.damaged += len(damaged)
        return intact

    def _note_use(self, opened: Database) -> None:
        if self._used and opened.writable:
            with opened.transaction() as connection:
                stale = [(today(), number) for number in self._used]
                connection.executemany("UPDATE keys SET used = ? WHERE id = ?", stale)
        self._used.clear()

    def _add(self, opened: Database, rows: Sequence[Row]) -> None:
        if not opened.writable:
            return
        with opened.transaction() as connection:
            ((last,),) = connection.execute(LAST)
            new, known = dict(enumerate(rows, last + 1)), list[Row]()  # by id
            keys = [(number, row.key, row.checksum, row.used or 0) for number, row in new.items()]
            if connection.executemany(ADD_KEY, keys).rowcount < len(new):
                added = {number for (number,) in connection.execute(NEWER, (last,))}
                known = [new.pop(number) for number in new.keys() - added]
            connection.executemany(ADD_VECTOR, [(number, row.value) for number, row in new.items()])
            for row in known:
                if not connection.execute(f"{ROWS_OF_KEYS} WHERE key = ?", (row.key,)).fetchone():
                    raise opened.damaged("the index of keys does not match its table")
            self.contended |= bool(known)

    def _move(self, opened: Database, first: int, target: "FeatureFile", limit: int) -> int:
        span = bytes([first]), bytes([first]) + b"\xff" * 64
        query = f"{ROWS_OF_KEYS} WHERE key BETWEEN ? AND ? LIMIT ?"
        with opened.transaction() as connection:
            rows = [Row(*row) for row in connection.execute(query, (*span, limit))]
            intact = [row for row in rows if self._is_intact(row)]
            target.add(intact)  # committed there before they are deleted here
            if not target.writable:
                raise StageError(f"{target.path}: must be writable; fix that, or delete the file")
            _delete(connection, rows)
        self.damaged += len(rows) - len(intact)
        return len(rows)


def _delete(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    for table in ("keys", "vectors"):
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(row.id,) for row in rows])


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
            for row in map(
                Row._make, connection.execute(f"{ROWS} WHERE id > ? ORDER BY id", (last,))
            ):
                last, skip = row.id, 1
                yield row
            return
        except database.ERRORS:
            last, skip = last + skip, 2 * skip
