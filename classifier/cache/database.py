"""A SQLite file of the cache: shared by processes, intact after a kill, checked when it is read."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any

from classifier.common import files
from classifier.common.errors import StageError

FOLDER = Path(".cache")
APPLICATION_ID = 0x70696373  # marks a file as ours
VERSION = 2  # of the tables
BUSY_TIMEOUT = 120  # seconds to wait while another process writes
LOG_PAGES = 4000  # of 4 KB, in the log before they are copied to the file: each copy costs a write
FOREIGN = "another program's file"
META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
Row = tuple[Any, ...]
ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)  # what Python raises on a damaged file


class Access(Enum):
    """Who else uses a file while it is open."""

    SHARED = auto()  # others write it, too
    SELDOM = auto()  # others read it, and it is seldom written: one open file instead of three
    ALONE = auto()  # nobody: the file system need not have locks
    FROZEN = auto()  # nobody writes it


OPTIONS = {Access.ALONE: "&nolock=1", Access.FROZEN: "&immutable=1"}  # of a file's address


class DamagedError(Exception):
    """A file that cannot be used; `inode` is that of the file when it was opened."""

    suffix = ".damaged"  # of the file's name once it is set aside

    def __init__(self, path: Path, inode: int | None, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.inode = inode
        self.reason = reason


class OutdatedError(DamagedError):
    """An intact file that an older version of the project wrote."""

    suffix = ".old"


def cache_folder() -> Path:
    """Returns the folder of the cache: `.cache` of the project.

    `dvc exp run --temp` runs in a temporary folder and names the project in DVC_ROOT; both then
    share a cache.
    """
    root = Path(os.environ.get("DVC_ROOT") or ".")
    return FOLDER if root.resolve() == Path().resolve() else root / FOLDER


def checksum(*parts: bytes) -> bytes:
    """Returns 16 bytes that no longer match once a bit of the parts has changed."""
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def with_checksum(row: Row) -> Row:
    """Returns a row with its checksum as a further column."""
    return *row, checksum(repr(row).encode())


def placeholders(values: Sized) -> str:
    """Returns a question mark for each value, for `IN (...)` and `VALUES (...)`."""
    return ",".join("?" * len(values))


class Database:
    """An open file; its methods may be called from several threads.

    Args:
        path: of the file; None for an empty database in memory.
        schema: statements that create its tables if the file does not exist.
        meta: what the file holds; a file with other values is refused. None: any.
        access: who else uses it.

    Attributes:
        writable: False in memory, if frozen, and where the file or its folder is read-only.

    Raises:
        DamagedError: the file is damaged, of an older version, or holds something else.
        StageError: a newer version of the project wrote it, or the system refuses access.
        PermissionError: it does not exist and cannot be created.
    """

    def __init__(
        self,
        path: Path | None,
        schema: Sequence[str],
        meta: Mapping[str, str] | None,
        access: Access = Access.SHARED,
    ) -> None:
        self.path = path or Path("memory")
        self._access = access
        self._lock = threading.RLock()
        if path and (access is Access.SHARED or not path.exists()):
            files.remove_leftovers(path)
        if path and not path.exists():
            _create(path, schema, meta or {}, access)
        self._inode = inode(self.path)
        with self._translated_errors():
            self._connection, self.writable = _connect(path, access)
            try:
                if not path:
                    _create_tables(self._connection, schema, meta or {})
                self.meta = self._checked_meta(meta)
            except BaseException:
                self._connection.close()
                raise

    def _checked_meta(self, expected: Mapping[str, str] | None) -> dict[str, str]:
        ((application_id,),) = self._connection.execute("PRAGMA application_id")
        ((version,),) = self._connection.execute("PRAGMA user_version")
        if application_id != APPLICATION_ID:
            raise self.damaged(FOREIGN)
        if version < VERSION:
            reason = "written by an older version of this project"
            raise OutdatedError(self.path, self._inode, reason)
        if version > VERSION:
            raise StageError(
                f"{self.path}: must be of format {VERSION}; got {version}, of a newer version of "
                "this project: update the project, or delete the file (its contents are then "
                "computed again)"
            )
        meta = dict(self._connection.execute("SELECT name, value FROM meta"))
        if expected is not None and meta != dict(expected):
            raise self.damaged("made for something else")
        if self._access in (Access.SELDOM, Access.FROZEN):  # many are open at once
            self._connection.execute("PRAGMA cache_size = -128")
            self._connection.execute("PRAGMA cache_spill = OFF")  # costs a sync each time
        else:
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        return meta

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Returns all rows of a query."""
        with self._translated_errors(), self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yields the connection; all changes are committed, or none after an error or a kill."""
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

    def damaged(self, reason: str) -> DamagedError:
        """Returns the error to raise when the file turns out to be damaged."""
        return DamagedError(self.path, self._inode, f"damaged ({' '.join(reason.split())})")

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turns SQLite's errors into DamagedError, or StageError where the user can help."""
        try:
            yield
        except ERRORS as error:
            if _is_damage(error):
                raise self.damaged(str(error)) from error
            if not isinstance(error, sqlite3.OperationalError):
                raise
            raise _stage_error(self.path, error) from error


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    codes: tuple[int, ...] = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    if isinstance(error, UnicodeDecodeError | sqlite3.OperationalError):
        codes += (0, sqlite3.SQLITE_ERROR)  # text that is not UTF-8, a missing table
    return code & 0xFF in codes or code == sqlite3.SQLITE_IOERR_SHORT_READ


def _stage_error(path: Path, error: Exception) -> StageError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    folder = path.parent
    full = folder.exists() and shutil.disk_usage(folder).free < 2**20
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        rule = f"another process has been writing to it for {BUSY_TIMEOUT} s; wait for it to end"
    elif code == sqlite3.SQLITE_FULL or full:
        rule = "the disk is full; free some space and run again: what was computed is cached"
    else:
        rule = f"must be readable and writable; got {error}: fix that, or delete the file"
    return StageError(f"{path}: {rule}")


def _connect(path: Path | None, access: Access) -> tuple[sqlite3.Connection, bool]:
    if not path:
        return _open(":memory:", Access.SHARED), False
    address = path.absolute().as_uri()
    if access is Access.FROZEN:
        return _open(f"{address}?mode=ro", access), False
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return _open(f"{address}?mode=rw", access), True
    connection = _open(f"{address}?mode=ro", access)
    try:
        connection.execute("SELECT * FROM sqlite_master").fetchall()
    except sqlite3.OperationalError:  # its lock file cannot be created
        connection.close()
        connection = _open(f"{address}?mode=ro", Access.FROZEN)
    return connection, False


def _open(address: str, access: Access) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address + OPTIONS.get(access, ""),
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    if access is Access.ALONE:  # its write-ahead log then needs no shared memory
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def _create_tables(
    connection: sqlite3.Connection, schema: Sequence[str], meta: Mapping[str, str]
) -> None:
    connection.execute("BEGIN")
    for statement in (META, *schema):
        connection.execute(statement)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _create(path: Path, schema: Sequence[str], meta: Mapping[str, str], access: Access) -> None:
    """Creates the file under another name first, so that no process opens half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        address = f"{part.absolute().as_uri()}?mode=rwc"
        with contextlib.closing(_open(address, access)) as connection:
            _create_tables(connection, schema, meta)
            if access is not Access.SELDOM:
                connection.execute("PRAGMA journal_mode = WAL")
        _publish(part, path)
    except (sqlite3.OperationalError, OSError) as error:
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(str(error)) from None
        raise _stage_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            for leftover in path.parent.glob(f"{part.name}*"):
                leftover.unlink()


def _publish(part: Path, path: Path) -> None:
    """Gives the new file its name, unless another process was faster."""
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            part.rename(path)


def inode(path: Path) -> int | None:
    """Returns the inode, which tells a file from a later one of the same name; None: no file."""
    try:
        return path.stat().st_ino
    except OSError:
        return None
