"""What is known of the user's files since they were last read, as git's index knows it.

A file is read again only if its size, times or inode have changed, and decoded only if its content
is new.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from classifier.cache import database
from classifier.cache.database import Database
from classifier.cache.recovery import RecoveringDatabase
from classifier.common import parallel

NAME = "files.sqlite"
SCHEMA = (
    "CREATE TABLE files (path TEXT PRIMARY KEY, token TEXT NOT NULL, sha256 BLOB NOT NULL, "
    "checksum BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE contents (sha256 BLOB NOT NULL, recipe TEXT NOT NULL, verdict TEXT NOT NULL, "
    "perceptual_hash BLOB NOT NULL, checksum BLOB NOT NULL, "
    "PRIMARY KEY (sha256, recipe)) WITHOUT ROWID",
)
IN_MEMORY = 32_000_000  # bytes of a file
# A file changed again within the clock's grain keeps its times: trusted only when older. FAT's: 2 s
GRAIN_NS = 2_000_000_000


@dataclass(frozen=True)
class DecodeResult:
    """What decoding a content gave: an image, or the reason why it is unusable.

    Attributes:
        width: in pixels, after EXIF rotation.
        height: likewise.
        format: JPEG, PNG, ...
        problem: code of `problems.UNUSABLE`; empty for an image.
        detail: a sentence about the problem.
        perceptual_hash: of the image, 32 bytes.
        failed_checks: of the image: code and detail of each.
    """

    width: int = 0
    height: int = 0
    format: str = ""
    problem: str = ""
    detail: str = ""
    perceptual_hash: bytes = b""
    failed_checks: dict[str, str] = field(default_factory=dict)

    def to_cells(self) -> tuple[str, bytes]:
        """Returns all but the hash as JSON, and the hash."""
        values = {name: v for name, v in vars(self).items() if name != "perceptual_hash"}
        return json.dumps(values), self.perceptual_hash

    @classmethod
    def from_cells(cls, text: str, perceptual_hash: bytes) -> Self:
        """Returns what `to_cells` was called on."""
        return cls(**json.loads(text), perceptual_hash=perceptual_hash)


@dataclass(frozen=True)
class FileIdentity:
    """What a file held when it was read: the SHA-256, and its token; empty if in flux."""

    sha256: str
    stat_signature: str


def stat_signature(status: os.stat_result) -> str:
    """Returns what tells that a file is still the one that was read."""
    numbers = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return " ".join(map(str, numbers))


@contextmanager
def open_identified(path: Path) -> Iterator[tuple[BinaryIO, FileIdentity]]:
    """Opens a file, and yields it with what it is known by; a large one is not held in memory.

    Raises:
        OSError: it cannot be read, or was changed while it was.
    """
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        source = file if before.st_size > IN_MEMORY else io.BytesIO(file.read())
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        after = os.fstat(file.fileno())
        newest = max(after.st_mtime_ns, after.st_ctime_ns)
        settled = (
            stat_signature(before) == stat_signature(after) and newest < time.time_ns() - GRAIN_NS
        )
        yield source, FileIdentity(sha256, stat_signature(after) if settled else "")
        if source is file and stat_signature(path.stat()) != stat_signature(
            before
        ):  # Pillow may have closed it
            raise OSError("changed while it was read")


class FileIndex:
    """The files and contents seen so far.

    Args:
        folder: of the image store.

    Raises:
        StageError: a newer version of the project wrote it, the disk is full, or the like.
    """

    def __init__(self, folder: Path) -> None:
        meta = {"files": "by path", "contents": "by hash"}
        self._file = RecoveringDatabase(folder / NAME, SCHEMA, meta, _start_anew)

    def known(self, paths: Iterable[Path]) -> dict[Path, str]:
        """Returns the SHA-256, in hexadecimal, of those files that are as they were when read."""
        tokens = {}
        for path in paths:
            try:
                tokens[str(path.absolute())] = (path, stat_signature(path.stat()))
            except (OSError, ValueError):
                continue
        query = f"SELECT path, token, sha256, checksum FROM files WHERE path IN ({_marks(tokens)})"
        return {
            tokens[path][0]: sha256.hex()
            for path, then, sha256 in self._sound(query, list(tokens))
            if tokens[path][1] == then
        }

    def hashes(self, paths: Iterable[Path]) -> dict[Path, str]:
        """Returns the SHA-256, in hexadecimal, of those files that can be read.

        Only those are read that are not known.
        """
        paths = list(paths)
        found = self.known(paths)
        unknown = [path for path in paths if path not in found]
        if unknown:
            workers = os.cpu_count() or 1
            seen = {
                p: s for p, s in parallel.prefetch_map(_seen, unknown, workers, 4 * workers) if s
            }
            self.remember("", seen, {})
            found |= {path: one.sha256 for path, one in seen.items()}
        return found

    def verdicts(self, recipe: str, contents: Iterable[str]) -> dict[str, DecodeResult]:
        """Returns the verdicts on contents that `recipe` has decoded before, by SHA-256."""
        wanted = [bytes.fromhex(sha256) for sha256 in contents]
        query = (
            "SELECT sha256, recipe, verdict, perceptual_hash, checksum FROM contents "
            "WHERE recipe = ? AND sha256 IN "
        )
        found = self._sound(f"{query}({_marks(wanted)})", [recipe, *wanted])
        return {sha256.hex(): DecodeResult.from_cells(*cells) for sha256, _, *cells in found}

    def remember(
        self, recipe: str, seen: Mapping[Path, FileIdentity], verdicts: Mapping[str, DecodeResult]
    ) -> None:
        """Keeps what files held and what contents came to; files in flux are left out."""
        files = [
            (str(path.absolute()), one.stat_signature, bytes.fromhex(one.sha256))
            for path, one in seen.items()
            if one.stat_signature
        ]
        contents = [
            (bytes.fromhex(sha256), recipe, *verdict.to_cells())
            for sha256, verdict in verdicts.items()
        ]

        def write(layers: list[Database]) -> None:
            with layers[0].transaction() as connection:
                for table, columns, rows in (("files", 4, files), ("contents", 5, contents)):
                    marks = _marks(range(columns))
                    statement = f"INSERT OR REPLACE INTO {table} VALUES ({marks})"
                    connection.executemany(statement, [(*row, _checksum(*row)) for row in rows])

        self._file.run(write)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _sound(self, query: str, values: list[object]) -> list[tuple[Any, ...]]:
        """Returns the rows of a query that fit their seal, without it."""
        rows = self._file.run(lambda layers: [r for at in layers for r in at.rows(query, values)])
        return [row[:-1] for row in rows if _checksum(*row[:-1]) == row[-1]]


def _seen(path: Path) -> tuple[Path, FileIdentity | None]:
    try:
        with open_identified(path) as (_, seen):
            return path, seen
    except OSError:
        return path, None


def _checksum(*cells: object) -> bytes:
    return database.checksum(repr(cells).encode())


def _start_anew(aside: Path, layers: list[Database]) -> str:
    return f"it is now {aside.name}"


def _marks(values: Iterable[object]) -> str:
    return ",".join("?" for _ in values)
