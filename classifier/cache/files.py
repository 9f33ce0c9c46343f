"""What is known of the user's files since they were last read, as in git's index.

A file is read again only if its size, times or inode have changed, and decoded only if its content
is new.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from classifier.cache.database import Database, Row, placeholders, with_checksum
from classifier.cache.recovery import RecoveringDatabase
from classifier.common import cores, objects, parallel
from classifier.images.capture import Capture

NAME = "files.sqlite"
SCHEMA = (
    "CREATE TABLE files (path TEXT PRIMARY KEY, stat_signature TEXT NOT NULL, "
    "sha256 BLOB NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE contents (sha256 BLOB NOT NULL, recipe TEXT NOT NULL, result TEXT NOT NULL, "
    "perceptual_hash BLOB NOT NULL, checksum BLOB NOT NULL, "
    "PRIMARY KEY (sha256, recipe)) WITHOUT ROWID",
)
ADD_FILE = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)"
ADD_CONTENT = "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)"
IN_MEMORY = 32_000_000  # bytes of a file
# A file changed twice within the clock's resolution keeps its times; FAT's is the coarsest, 2 s
CLOCK_NS = 2_000_000_000
NOTHING: Mapping[Path, str] = MappingProxyType({})


@dataclass(frozen=True)
class DecodeResult:
    """What decoding a content gave: an image, or the reason why it is unusable."""

    width: int = 0  # pixels, after EXIF rotation
    height: int = 0
    format: str = ""  # JPEG, PNG, ...
    problem: str = ""  # code of `problems.UNUSABLE`; empty for an image
    detail: str = ""  # a sentence about the problem
    perceptual_hash: bytes = b""  # 32 bytes
    failed_checks: dict[str, str] = field(default_factory=dict)  # detail by code
    conversion: str = ""  # as in DecodedImage
    extremes: Sequence[float] | None = None  # darkest and brightest value of a deep image
    capture: Capture | None = None  # as in DecodedImage


@dataclass(frozen=True)
class FileIdentity:
    """SHA-256 and stat signature of a file when it was read; no signature: changed just now."""

    sha256: str
    stat_signature: str


def stat_signature(status: os.stat_result) -> str:
    """Returns size, times and inode, which differ once a file has changed."""
    numbers = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return " ".join(map(str, numbers))


@contextmanager
def open_identified(path: Path) -> Iterator[tuple[BinaryIO, FileIdentity]]:
    """Yields an open file and its identity; a large file of this machine is not held in memory.

    Raises:
        OSError: it cannot be read, or changed while it was read.
    """
    if address := objects.address_of(path):
        content = objects.read(address)
        yield io.BytesIO(content), FileIdentity(hashlib.sha256(content).hexdigest(), "")
        return
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        source = file if before.st_size > IN_MEMORY else io.BytesIO(file.read())
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        after = os.fstat(file.fileno())
        newest = max(after.st_mtime_ns, after.st_ctime_ns)
        signature = stat_signature(after)
        settled = stat_signature(before) == signature and newest < time.time_ns() - CLOCK_NS
        yield source, FileIdentity(sha256, signature if settled else "")
        if source is not file:
            return
        if stat_signature(path.stat()) != stat_signature(before):  # Pillow may have closed `file`
            raise OSError("changed while it was read")


class FileIndex(RecoveringDatabase):
    """The files and contents read so far, in the cache `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, SCHEMA, {"files": "by path", "contents": "by hash"})

    def salvage(self, aside: Path) -> str:
        """Copies nothing: reading the files again costs little."""
        return f"set aside as {aside.name}; every image is read once more"

    def known(
        self, paths: Iterable[Path], elsewhere: Mapping[Path, str] = NOTHING
    ) -> dict[Path, str]:
        """Returns the SHA-256, in hexadecimal, of the files that have not changed since.

        `elsewhere` has the signatures of files that are not on this machine.
        """
        here = Path.cwd()
        current: dict[str, tuple[Path, str]] = {}
        for path in paths:
            try:
                signature = elsewhere.get(path) or stat_signature(path.stat())
                current[_absolute(here, path)] = (path, signature)
            except (OSError, ValueError):
                continue
        query = (
            "SELECT path, stat_signature, sha256, checksum FROM files "
            f"WHERE path IN ({placeholders(current)})"
        )
        return {
            current[path][0]: sha256.hex()
            for path, signature, sha256 in self._intact(query, list(current))
            if current[path][1] == signature
        }

    def hashes(
        self, paths: Iterable[Path], elsewhere: Mapping[Path, str] = NOTHING
    ) -> dict[Path, str]:
        """Returns the SHA-256, in hexadecimal, of the files that can be read.

        Reads only those that are neither known nor `elsewhere`, which is as in `known`.
        """
        paths = list(paths)
        hashes = self.known(paths, elsewhere)
        if unknown := [path for path in paths if path not in hashes and path not in elsewhere]:
            workers = cores.count()
            identities = parallel.prefetch_map(_identity, unknown, workers, 4 * workers)
            new = {path: one for path, one in zip(unknown, identities, strict=True) if one}
            self.remember("", new, {})
            hashes |= {path: identity.sha256 for path, identity in new.items()}
        return hashes

    def decode_results(self, recipe: str, contents: Iterable[str]) -> dict[str, DecodeResult]:
        """Returns the results of the contents that `recipe` has decoded, by SHA-256."""
        hashes = [bytes.fromhex(sha256) for sha256 in contents]
        query = (
            "SELECT sha256, recipe, result, perceptual_hash, checksum FROM contents "
            f"WHERE recipe = ? AND sha256 IN ({placeholders(hashes)})"
        )
        rows = self._intact(query, [recipe, *hashes])
        return {
            sha256.hex(): _decode_result(result, perceptual_hash)
            for sha256, _, result, perceptual_hash in rows
        }

    def remember(
        self,
        recipe: str,
        identities: Mapping[Path, FileIdentity],
        results: Mapping[str, DecodeResult],
    ) -> None:
        """Keeps identities of files and, by SHA-256, what `recipe` decoded from contents.

        Files changed just now are left out.
        """
        here = Path.cwd()
        files = [
            (_absolute(here, path), identity.stat_signature, bytes.fromhex(identity.sha256))
            for path, identity in identities.items()
            if identity.stat_signature
        ]
        contents = []
        for sha256, result in results.items():
            values = dict(vars(result))
            perceptual_hash = values.pop("perceptual_hash")
            contents.append((bytes.fromhex(sha256), recipe, json.dumps(values), perceptual_hash))

        def write(database: Database) -> None:
            if database.writable:
                with database.transaction() as connection:
                    connection.executemany(ADD_FILE, map(with_checksum, files))
                    connection.executemany(ADD_CONTENT, map(with_checksum, contents))

        self.run(write)

    def _intact(self, query: str, values: list[object]) -> list[Row]:
        """Returns the rows of a query that match their checksum, the last column, without it."""
        return [row[:-1] for row in self.rows(query, values) if with_checksum(row[:-1]) == row]


def _decode_result(text: str, perceptual_hash: bytes) -> DecodeResult:
    values = json.loads(text)
    capture = Capture(*values["capture"]) if values["capture"] else None
    return DecodeResult(**{**values, "capture": capture}, perceptual_hash=perceptual_hash)


def _absolute(here: Path, path: Path) -> str:
    return os.path.join(here, path)  # noqa: PTH118 a tenth of the time of Path.absolute


def _identity(path: Path) -> FileIdentity | None:
    try:
        with open_identified(path) as (_, identity):
            return identity
    except OSError:
        return None
