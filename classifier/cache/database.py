"""A file of the image store: SQLite, shared by processes, whole after a kill, checked."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from classifier.common.errors import StageError

FOLDER = Path(".cache")
APPLICATION = 0x70696373  # tells our files from those of other programs
VERSION = 2  # of the tables; a file of a later one is left alone
PATIENCE = 120  # seconds to wait while another process writes
META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)  # what SQLite raises on a damaged file
NO_SCHEMA = (0, sqlite3.SQLITE_ERROR)  # a table that is missing, text that is none


class DamagedError(Exception):
    """A file that is no sound database of ours.

    Args:
        path: of the file.
        inode: it had when it was opened.
        why: a few words.
    """

    def __init__(self, path: Path, inode: int | None, why: str) -> None:
        super().__init__(f"{path}: damaged ({why})")
        self.path = path
        self.inode = inode


def cache_folder() -> Path:
    """Returns the image store's folder: `.cache` of the project.

    DVC names the project in DVC_ROOT: in an experiment that runs in a temporary folder, the one
    it was started from, so that both share a store.
    """
    root = Path(os.environ.get("DVC_ROOT") or ".")
    return FOLDER if root.resolve() == Path().resolve() else root / FOLDER


def checksum(*parts: bytes) -> bytes:
    """Returns 16 bytes that no longer fit once a bit of the parts has changed."""
    whole = hashlib.blake2b(digest_size=16)
    for part in parts:
        whole.update(part)
    return whole.digest()


class Database:
    """An open file; safe to use from several threads.

    Args:
        path: of the file; None for one that vanishes with the process.
        schema: statements that make its tables, where it is not there.
        meta: what the file is for; a file that says something else is not ours. None: whatever.

    Attributes:
        path: of the file.
        meta: what it is for.
        writable: False where its owner or the system forbid it.

    Raises:
        DamagedError: the file is broken, or not for this.
        StageError: a newer version of the project wrote it, or the system refuses.
        PermissionError: it is not there and cannot be made.
    """

    def __init__(
        self, path: Path | None, schema: Sequence[str], meta: Mapping[str, str] | None
    ) -> None:
        self.path = path or Path("temporary")
        self._lock = threading.RLock()
        if path and not path.exists():
            _create(path, schema, meta or {})
        self._inode = inode(self.path)
        with self._translated_errors():
            self._connection, self.writable = _connect(path)
            try:
                if not path:
                    _fill(self._connection, schema, meta or {})
                self.meta = self._checked(meta)
            except BaseException:
                self._connection.close()
                raise

    def _checked(self, meta: Mapping[str, str] | None) -> dict[str, str]:
        ((application,),) = self._connection.execute("PRAGMA application_id").fetchall()
        ((version,),) = self._connection.execute("PRAGMA user_version").fetchall()
        if application != APPLICATION:
            raise self.damaged("another program's file")
        if version < VERSION:
            raise self.damaged("written by an older version of this project")
        if version > VERSION:
            raise StageError(
                f"{self.path}: must be of format {VERSION}; got {version}, of a newer version of "
                "this project: update the project, or delete the file (what it holds is then "
                "computed again)"
            )
        said = dict(self._connection.execute("SELECT name, value FROM meta"))
        if meta is not None and said != dict(meta):
            raise self.damaged("made for something else")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        return said

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Returns all rows of a query."""
        with self._translated_errors(), self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yields the connection; what is done with it is kept as a whole, or not at all."""
        with self._translated_errors(), self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def damaged(self, why: str) -> DamagedError:
        """Returns the error to raise where the file turns out to be broken."""
        return DamagedError(self.path, self._inode, why)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Makes of SQLite's errors those that the caller or the user can mend."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise self.damaged(str(error)) from error
        except sqlite3.DatabaseError as error:
            extended = getattr(error, "sqlite_errorcode", 0)
            code = extended & 0xFF
            broken = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
            if code in broken or extended == sqlite3.SQLITE_IOERR_SHORT_READ:
                raise self.damaged(str(error)) from error
            if not isinstance(error, sqlite3.OperationalError):
                raise
            if code in NO_SCHEMA:
                raise self.damaged(str(error)) from error
            raise StageError(f"{self.path}: {_rule(code, self.path, error)}") from error


def _rule(code: int, path: Path, error: Exception) -> str:
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"another process has been writing to it for {PATIENCE} s; run again when it ended"
    if code == sqlite3.SQLITE_FULL or _no_room(path):
        return "the disk is full; free some space and run again: what was computed is kept"
    return f"must be readable and writable; got {error}: mend that, or delete the file"


def _no_room(path: Path) -> bool:
    return path.parent.exists() and shutil.disk_usage(path.parent).free < 2**20


def _connect(path: Path | None) -> tuple[sqlite3.Connection, bool]:
    if not path:
        return _open(""), True
    address = path.absolute().as_uri()
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return _open(f"{address}?mode=rw"), True
    connection = _open(f"{address}?mode=ro")
    try:
        connection.execute("SELECT * FROM sqlite_master").fetchall()
    except sqlite3.OperationalError:  # no room beside it for the files that lock it
        connection.close()
        connection = _open(f"{address}?mode=ro&immutable=1")
    return connection, False


def _open(address: str) -> sqlite3.Connection:
    return sqlite3.connect(
        address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )


def _fill(connection: sqlite3.Connection, schema: Sequence[str], meta: Mapping[str, str]) -> None:
    for statement in (META, *schema):
        connection.execute(statement)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _create(path: Path, schema: Sequence[str], meta: Mapping[str, str]) -> None:
    """Makes the file under another name first, so that nobody ever opens half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        connection = sqlite3.connect(part, isolation_level=None)
        try:
            _fill(connection, schema, meta)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        _publish(part, path)
    except sqlite3.OperationalError as error:
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(str(error)) from None
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise StageError(f"{path}: {_rule(code, path, error)}") from error
    except OSError as error:
        if not path.parent.exists() or not os.access(path.parent, os.W_OK):
            raise PermissionError(str(error)) from None
        rule = "the disk is full; free some space and run again" if _no_room(path) else str(error)
        raise StageError(f"{path}: {rule}") from error
    finally:
        with contextlib.suppress(OSError):
            for rest in path.parent.glob(f"{part.name}*"):
                rest.unlink()


def _publish(part: Path, path: Path) -> None:
    """Gives the new file its name, unless another process was faster."""
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            part.rename(path)


def inode(path: Path) -> int | None:
    """Returns what tells a file from another that takes its name; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None
