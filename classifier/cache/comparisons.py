"""What comparing the pixels of two images gave, by their contents."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from classifier.cache import database
from classifier.cache.database import Database, placeholders
from classifier.cache.recovery import RecoveringDatabase

NAME = "comparisons.sqlite"
SCHEMA = (
    "CREATE TABLE comparisons (key BLOB PRIMARY KEY, one BLOB NOT NULL, other BLOB NOT NULL, "
    "result REAL NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID",
)
ADD = "INSERT OR REPLACE INTO comparisons VALUES (?, ?, ?, ?, ?)"


class Comparison(NamedTuple):
    """Two contents, by SHA-256 in hexadecimal, and all else that the result depends on."""

    one: str
    other: str
    recipe: str

    @property
    def key(self) -> bytes:
        """Returns what identifies the comparison."""
        return hashlib.blake2b("\n".join(self).encode(), digest_size=16).digest()


class ComparisonCache(RecoveringDatabase):
    """The comparisons made so far, in the cache `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, SCHEMA, {"comparisons": "by the contents of both images"})

    def salvage(self, aside: Path) -> str:
        """Copies nothing: comparing again costs little."""
        return f"set aside as {aside.name}; near duplicates are compared once more"

    def get(self, comparisons: Iterable[Comparison]) -> dict[Comparison, float]:
        """Returns the results of those that are known."""
        keys = {comparison.key: comparison for comparison in comparisons}
        query = f"SELECT * FROM comparisons WHERE key IN ({placeholders(keys)})"
        rows = self.rows(query, list(keys))
        return {keys[row[0]]: row[3] for row in rows if database.with_checksum(row[:-1]) == row}

    def put(self, results: Mapping[Comparison, float]) -> None:
        """Adds results, all or none."""
        rows = [
            (one.key, bytes.fromhex(one.one), bytes.fromhex(one.other), result)
            for one, result in results.items()
        ]

        def write(database_: Database) -> None:
            if database_.writable:
                with database_.transaction() as connection:
                    connection.executemany(ADD, map(database.with_checksum, rows))

        self.run(write)
