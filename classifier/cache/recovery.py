"""A database that recovers: a damaged file is set aside and replaced, and the work goes on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from classifier.cache import database
from classifier.cache.database import Access, DamagedError, Database, Row
from classifier.common.errors import warn

T = TypeVar("T")


def set_aside(damage: DamagedError) -> Path | None:
    """Renames a damaged file and its log to `<name>.damaged`, and returns the new path.

    None: another process has replaced it, or the folder is read-only.
    """
    path = damage.path
    if damage.inode is None or database.inode(path) != damage.inode:
        return None
    aside = path.with_name(path.name + damage.suffix)
    log, old_log = (file.with_name(f"{file.name}-wal") for file in (path, aside))
    try:
        old_log.unlink(missing_ok=True)
        if log.exists():
            log.replace(old_log)
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        path.replace(aside)
    except OSError:
        return None
    return aside


class RecoveringDatabase:
    """A database that recovers from damage; see Database for its arguments and errors.

    In a read-only folder new rows are not kept, and a missing or damaged file counts as empty. A
    frozen one stays as it is.

    Attributes:
        path: of the file.
        recoveries: how often a damaged file was replaced.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        meta: Mapping[str, str],
        access: Access = Access.SHARED,
    ) -> None:
        self.path = path
        self.recoveries = 0
        self._access = access
        self._make = partial(Database, schema=schema, meta=meta, access=access)
        try:
            self._database = self._open()
        except DamagedError as damage:
            self._replace(damage)

    def salvage(self, aside: Path) -> str:
        """Copies what is intact from a file set aside, and returns what became of it."""
        raise NotImplementedError

    @property
    def writable(self) -> bool:
        """Tells whether new rows are kept; not in a read-only folder."""
        return self._database.writable

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Returns all rows of a query."""
        return self.run(lambda database: database.rows(query, values))

    def run(self, work: Callable[[Database], T]) -> T:
        """Returns what `work` returns; after damage it is called again, with the new database."""
        try:
            return work(self._database)
        except DamagedError as damage:
            if damage.path != self.path:
                raise
            self._database.close()
            self._replace(damage)
            return work(self._database)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _open(self) -> Database:
        try:
            opened = self._make(self.path)
        except PermissionError:
            opened = self._make(None)
        if not opened.writable and self._access in (Access.SHARED, Access.ALONE):
            warn(f"{self.path}: cannot be written, so this run's results are not cached")
        return opened

    def _replace(self, damage: DamagedError) -> None:
        self.recoveries += 1
        aside = None if self._access is Access.FROZEN else set_aside(damage)
        gone = database.inode(self.path) != damage.inode
        self._database = self._open() if gone else self._make(None)
        outcome = self.salvage(aside) if aside else "not used"
        warn(f"{damage}; {outcome}")
