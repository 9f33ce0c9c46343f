"""Small results computed from the contents of one or two images."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from classifier.cache import database
from classifier.cache.database import Database, placeholders
from classifier.cache.recovery import RecoveringDatabase
from classifier.common import cores, parallel

NAME = "results.sqlite"
SCHEMA = (
    "CREATE TABLE results (key BLOB PRIMARY KEY, contents BLOB NOT NULL, value BLOB NOT NULL, "
    "checksum BLOB NOT NULL)",
)
ADD = "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)"
WINDOW = 256  # results that are looked up, computed and kept together
T = TypeVar("T")


class Task(NamedTuple):
    """What a result depends on: contents, by SHA-256 in hexadecimal, and all else."""

    contents: tuple[str, ...]
    recipe: str

    @property
    def key(self) -> bytes:
        """Returns what identifies the task."""
        text = "\n".join((*self.contents, self.recipe))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


class ResultCache(RecoveringDatabase):
    """The results computed so far, in the cache `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, SCHEMA, {"results": "by the contents of images"})

    def salvage(self, aside: Path) -> str:
        """Copies nothing: computing again costs little."""
        return f"set aside as {aside.name}; thumbnails and comparisons are made once more"

    def get(self, tasks: Iterable[Task]) -> dict[Task, bytes]:
        """Returns the results that are known."""
        keys = {task.key: task for task in tasks}
        query = f"SELECT * FROM results WHERE key IN ({placeholders(keys)})"
        rows = self.rows(query, list(keys))
        return {keys[row[0]]: row[2] for row in rows if database.with_checksum(row[:-1]) == row}

    def put(self, results: Mapping[Task, bytes]) -> None:
        """Adds results, all or none."""
        rows = [
            (task.key, bytes.fromhex("".join(task.contents)), value)
            for task, value in results.items()
        ]

        def write(opened: Database) -> None:
            if rows and opened.writable:
                with opened.transaction() as connection:
                    connection.executemany(ADD, map(database.with_checksum, rows))

        self.run(write)

    def complete(self, tasks: Mapping[Task, T], compute: Callable[[T], bytes]) -> dict[Task, bytes]:
        """Returns all results; those that are not known are computed in threads, and kept."""
        known = self.get(tasks)
        new = {task: item for task, item in tasks.items() if task not in known}
        workers = cores.count()
        computed = parallel.prefetch_map(compute, new.values(), workers, 4 * workers)
        results = dict(zip(new, computed, strict=True))
        self.put(results)
        return known | results
