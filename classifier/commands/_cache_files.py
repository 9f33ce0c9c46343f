"""The files of a cache: what they are, and which of their features the current images use."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from classifier.cache import features as feature_cache
from classifier.cache import fingerprint, shards
from classifier.cache.database import Access, DamagedError, Database
from classifier.common import params
from classifier.dataset import manifest
from classifier.images import augmentation
from classifier.images.augmentation import ViewParams
from classifier.inference import base, engine

NOT_MERGED = "not in the cache yet"
NAMES = re.compile(  # only files with these names are ever deleted
    rf"({feature_cache.FOLDER}/(?P<network>[0-9a-f]{{16}})(/[0-9a-f]{{2}})?"
    rf"|(?P<shard>{shards.FOLDER}/[0-9a-f]{{16}}\.\d+-of-\d+)|files|results)\.sqlite"
    rf"({re.escape(shards.UNFINISHED)})?(?P<aside>\.damaged|\.old)?"
)


@dataclass(frozen=True)
class Network:
    """The features of a network: its first file, and all of its files that can be used."""

    path: Path
    files: list[Path]

    @property
    def megabytes(self) -> float:
        """Returns the size of its files."""
        return sum(map(megabytes, self.files))


@dataclass(frozen=True)
class Contents:
    """What is in a cache.

    Attributes:
        networks: with features.
        indexes: of files and of small results, by name; they are open.
        unusable: other files, and why they are not used.
    """

    networks: list[Network]
    indexes: dict[str, Database]
    unusable: dict[Path, str]


def contents(cache: Path) -> Contents:
    """Returns what is in the cache."""
    networks, indexes, unusable = defaultdict[Path, list[Path]](list), {}, dict[Path, str]()
    folders = (
        "*",
        f"{feature_cache.FOLDER}/*",
        f"{feature_cache.FOLDER}/*/*",
        f"{shards.FOLDER}/*",
    )
    for path in sorted(path for pattern in folders for path in cache.glob(pattern)):
        name = NAMES.fullmatch(path.relative_to(cache).as_posix())
        if not name or not path.is_file():
            continue
        if name["aside"] or name["shard"]:
            unusable[path] = "set aside" if name["aside"] else NOT_MERGED
            continue
        try:
            file = Database(path, (), None, _access(path))
        except DamagedError as damage:
            unusable[path] = damage.reason
            continue
        if name["network"]:
            file.close()
            networks[feature_cache.cache_file(cache, name["network"])].append(path)
        else:
            indexes[path.name] = file
    return Contents([Network(*item) for item in networks.items()], indexes, unusable)


def current_network(cache: Path, images_csv: Path, folder: Path) -> Path | None:
    """Returns the first file of the network in the folder; None without images or network."""
    if not images_csv.exists() or not (folder / base.INFO).exists():
        return None
    runtime = engine.runtime(base.read_info(folder).engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    return feature_cache.cache_file(cache, identity)


def write_keys(path: Path, images_csv: Path) -> None:
    """Writes a database with the keys of the views of all images, table `current`."""
    settings = params.load("extract", ViewParams, partial=True)
    augmentation_id = fingerprint.of_augmentation(settings)
    unlabelled = images_csv.with_name(manifest.UNLABELLED.name)
    tables = (manifest.iter_rows(table) for table in (images_csv, unlabelled) if table.exists())
    views = augmentation.all_views(chain.from_iterable(tables), settings, augmentation_id)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE current (key BLOB PRIMARY KEY) WITHOUT ROWID")
        keys = ((view.key,) for view in views)
        connection.executemany("INSERT OR IGNORE INTO current VALUES (?)", keys)


@contextmanager
def opened(path: Path, keys: Path | None = None) -> Iterator[Database]:
    """Yields a file of features with a table `in_use`: the ids of the rows with these keys."""
    with closing(Database(path, (), None, _access(path))) as file:
        file.rows("CREATE TEMP TABLE in_use (id INTEGER PRIMARY KEY)")
        if keys:
            file.rows("ATTACH ? AS images", (str(keys),))
            file.rows("INSERT INTO in_use SELECT id FROM keys JOIN images.current USING (key)")
        yield file


def megabytes(path: Path) -> float:
    """Returns the size of a database."""
    return sum(part.stat().st_size for part in _parts(path)) / 1e6


def remove(path: Path) -> None:
    """Deletes a database."""
    for part in _parts(path):
        part.unlink()


def _access(path: Path) -> Access:
    is_part = path.parent.parent.name == feature_cache.FOLDER
    return Access.SELDOM if is_part else Access.SHARED


def _parts(path: Path) -> list[Path]:
    """Returns the existing files of a database: itself, its logs and its lock."""
    names = (path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal"))
    return [part for part in names if part.exists()]
