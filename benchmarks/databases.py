"""SQLite or LMDB for cached features?

    python -m benchmarks.databases [--rows 200000] [--page-size 4096 8192 16384 65536]

Writes rows of 2,048 random numbers as `extract` does (32 per transaction, durable after a kill of
the process), then looks up their keys and reads them in the order of writing and in a random order.
LMDB is measured if it is installed (`pip install lmdb`).
"""

import argparse
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

try:
    import lmdb
except ImportError:
    lmdb = None

BATCH = 32
CHUNK = 256
NUMBERS = 2048


class InSqlite:
    """Keys in one table and their vectors in another, in WAL mode."""

    def __init__(self, folder: Path, page_size: int) -> None:
        self.path = folder / "rows.sqlite"
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute(f"PRAGMA page_size = {page_size}")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute("CREATE TABLE keys (id INTEGER PRIMARY KEY, key BLOB UNIQUE, used INTEGER)")
        self.db.execute("CREATE TABLE vectors (id INTEGER PRIMARY KEY, value BLOB)")

    def put(self, rows: list[tuple[bytes, bytes]]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        for key, value in rows:
            added = self.db.execute("INSERT OR IGNORE INTO keys (key, used) VALUES (?, 1)", (key,))
            if added.rowcount:
                self.db.execute("INSERT INTO vectors VALUES (?, ?)", (added.lastrowid, value))
        self.db.execute("COMMIT")

    def has(self, keys: list[bytes]) -> int:
        marks = ",".join("?" * len(keys))
        return len(self.db.execute(f"SELECT key FROM keys WHERE key IN ({marks})", keys).fetchall())

    def get(self, keys: list[bytes]) -> list[bytes]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, value FROM keys JOIN vectors USING (id) WHERE key IN ({marks})"
        values = dict(self.db.execute(query, keys))
        return [values[key] for key in keys]

    def close(self) -> None:
        self.db.close()


class InLmdb:
    """One memory-mapped B-tree."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data.mdb"
        self.db = lmdb.open(str(folder), map_size=64 * 2**30, metasync=False, sync=False)

    def put(self, rows: list[tuple[bytes, bytes]]) -> None:
        with self.db.begin(write=True) as transaction:
            for key, value in rows:
                transaction.put(key, value, overwrite=False)

    def has(self, keys: list[bytes]) -> int:
        with self.db.begin(buffers=True) as transaction:
            return sum(transaction.get(key) is not None for key in keys)

    def get(self, keys: list[bytes]) -> list[bytes]:
        with self.db.begin() as transaction:
            return [transaction.get(key) for key in keys]

    def close(self) -> None:
        self.db.sync()
        self.db.close()


def batches(items: list, size: int) -> Iterator[list]:
    """Yields `size` items at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def seconds(work: Callable[[], object]) -> float:
    """Returns the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(name: str, make: Callable[[Path], InSqlite | InLmdb], count: int) -> None:
    """Prints a row of the table."""
    keys = [hashlib.sha256(str(number).encode()).digest() for number in range(count)]
    shuffled = [keys[i] for i in np.random.default_rng(0).permutation(count)]
    noise = np.random.default_rng(1).bytes(NUMBERS * 4 + count)
    with tempfile.TemporaryDirectory() as folder:
        rows = make(Path(folder))

        def write() -> None:
            for start in range(0, count, BATCH):
                numbers = range(start, min(start + BATCH, count))
                rows.put([(keys[i], noise[i : i + NUMBERS * 4]) for i in numbers])

        times = [
            seconds(write),
            seconds(lambda: [rows.has(batch) for batch in batches(keys, CHUNK)]),
            seconds(lambda: [rows.get(batch) for batch in batches(keys, CHUNK)]),
            seconds(lambda: [rows.get(batch) for batch in batches(shuffled, CHUNK)]),
        ]
        rows.close()
        size = rows.path.stat().st_blocks * 512 / (count * NUMBERS * 4)
    print(f"| {name} | {' | '.join(f'{t:.1f}' for t in times)} | {size:.2f} |", flush=True)


def main() -> None:
    """Measures each database."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--page-size", type=int, nargs="+", default=[4096, 8192, 16384, 65536])
    args = parser.parse_args()
    print(
        f"{args.rows:,} rows of {NUMBERS} numbers; seconds, and bytes on disk per byte of features"
    )
    columns = ("write", "look up", "read in order", "read at random", "size")
    print("| | " + " | ".join(columns) + " |\n" + "|---" * 6 + "|")
    for size in args.page_size:
        measure(
            f"SQLite, pages of {size}", lambda folder, size=size: InSqlite(folder, size), args.rows
        )
    if lmdb:
        measure("LMDB", InLmdb, args.rows)


if __name__ == "__main__":
    main()
