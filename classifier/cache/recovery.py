"""A database that mends itself, behind one that takes what is new where it cannot be written."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from classifier.cache import database
from classifier.cache.database import DamagedError, Database
from classifier.common.errors import warn

T = TypeVar("T")


def set_aside(damage: DamagedError) -> Path | None:
    """Renames a damaged file, and its log, to `<name>.damaged`, and returns the new path.

    None where there is nothing to rename: another process has found the damage first, or may not.
    """
    path = damage.path
    if damage.inode is None or database.inode(path) != damage.inode:
        return None
    aside = path.with_name(f"{path.name}.damaged")
    log, old_log = (at.with_name(f"{at.name}-wal") for at in (path, aside))
    try:
        old_log.unlink(missing_ok=True)
        if log.exists():
            log.replace(old_log)
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        path.replace(aside)
    except PermissionError:
        return None
    return aside


class RecoveringDatabase:
    """A file that mends itself, behind one that takes what is new where it cannot be written.

    Args:
        path: of the file.
        schema: statements that make its tables.
        meta: what it is for.
        salvage: given a broken file and what takes its place, saves what can be saved of it, and
            tells what that is.

    Raises:
        StageError: see Database.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        meta: Mapping[str, str],
        salvage: Callable[[Path, list[Database]], str],
    ) -> None:
        self.path = path
        self._make = partial(Database, schema=schema, meta=meta)
        self._salvage = salvage
        self._open: list[Database] = []
        self.run(lambda databases: None)

    def run(self, work: Callable[[list[Database]], T]) -> T:
        """Returns what `work` does with the databases to look into, in turn.

        What is new goes into the first. If one turns out to be broken, it is set aside and the
        work is done again.
        """
        try:
            self._open = self._open or self._layers()
            return work(self._open)
        except DamagedError as damage:
            self.close()
            aside = set_aside(damage)
            self._open = self._reopened()
            saved = self._salvage(aside, self._open) if aside else "nothing could be saved"
            warn(f"{damage}; {saved}, the rest is computed again")
            return work(self._open)

    def close(self) -> None:
        """Closes the files."""
        for layer in self._open:
            layer.close()
        self._open = []

    def _layers(self) -> list[Database]:
        lost = "so what this run computes is not kept for the next"
        try:
            database = self._make(self.path)
        except PermissionError:
            warn(f"{self.path}: cannot be made in this folder, {lost}")
            return [self._make(None)]
        if database.writable:
            return [database]
        warn(f"{self.path}: cannot be written, {lost}")
        return [self._make(None), database]

    def _reopened(self) -> list[Database]:
        try:
            return self._layers()
        except DamagedError:  # it may not be renamed
            return [self._make(None)]
