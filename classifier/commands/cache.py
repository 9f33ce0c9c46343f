"""Show what `.cache` holds, verify it, delete from it: `python -m classifier cache --help`.

Reads   .cache, results/images.csv, models/base, params.yaml
Writes  .cache, only for `prune --yes`
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from classifier.cache import database, fingerprint
from classifier.cache import features as feature_cache
from classifier.cache import files as file_index
from classifier.cache.database import DamagedError, Database
from classifier.common import files, parallel, params
from classifier.common.errors import StageError, count, run_main
from classifier.dataset import manifest
from classifier.images import augmentation
from classifier.images.augmentation import ViewParams
from classifier.inference import base, engine

EXAMPLES = """examples:
  python -m classifier cache info                     what is cached, and what of it is in use
  python -m classifier cache prune --unused           what could be deleted
  python -m classifier cache prune --unused --yes     delete it

Deleting is always safe: what is missing is computed again. Where several checkouts share a
cache, --unused knows the images of this one only.
"""
HEADING = f"{'network':16}  {'features':>9}  {'in use':>9}  {'MB':>9}  last used   description"


@dataclass(frozen=True)
class Network:
    """The cached features of one network.

    Attributes:
        path: of the file.
        note: what the network is.
        rows: number of features.
        in_use: how many are of the present network and images.
        last_used: day of the latest use, counted from 1970.
    """

    path: Path
    note: str
    rows: int
    in_use: int
    last_used: int

    def __str__(self) -> str:
        """Returns a line of the listing."""
        day = datetime.fromtimestamp(self.last_used * 86_400, UTC)
        return (
            f"{self.path.stem}  {self.rows:9,}  {self.in_use:9,}  {size(self.path) / 1e6:9,.1f}  "
            f"{day:%Y-%m-%d}  {self.note}"
        )


def parts(path: Path) -> list[Path]:
    """Returns the files of a database that exist: itself, its log and its lock."""
    named = (path.with_name(path.name + end) for end in ("", "-wal", "-shm"))
    return [part for part in named if part.exists()]


def size(path: Path) -> int:
    """Returns the bytes of a database."""
    return sum(part.stat().st_size for part in parts(path))


def remove(path: Path) -> None:
    """Deletes a database."""
    for part in parts(path):
        files.remove(part)


def mark_in_use(at: Database, keys: Iterable[bytes]) -> None:
    """Makes the temporary table `in_use` of this connection: the rows of these keys."""
    at.rows("CREATE TEMP TABLE in_use (id INTEGER PRIMARY KEY)")
    for some in parallel.batched(keys, 1000):
        marks = ",".join("?" * len(some))
        at.rows(f"INSERT OR IGNORE INTO in_use SELECT id FROM keys WHERE key IN ({marks})", some)


def measure(at: Database) -> Network:
    """Returns what a file holds whose rows in use are marked."""
    ((rows, last),) = at.rows("SELECT count(*), max(used) FROM keys")
    ((in_use,),) = at.rows("SELECT count(*) FROM in_use")
    return Network(at.path, at.meta["note"], rows, in_use, last or 0)


def prune(at: Database, asked: argparse.Namespace) -> int:
    """Returns how many rows fit what is asked, deleted if `--yes` is; a file without rows goes."""
    before = 2**62 if asked.older_than is None else feature_cache.today() - asked.older_than
    at.rows("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
    at.rows(
        "INSERT INTO chosen SELECT id FROM keys "
        "WHERE (NOT ? OR id NOT IN (SELECT id FROM in_use)) AND used < ?",
        (asked.unused, before),
    )
    ((chosen, left),) = at.rows("SELECT count(*), (SELECT count(*) FROM keys) FROM chosen")
    if asked.yes and chosen == left:
        at.close()
        remove(at.path)
    elif asked.yes and chosen:
        with at.transaction() as connection:
            for table in ("vectors", "keys"):
                connection.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM chosen)")
        at.rows("VACUUM")
        at.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(chosen)


def verify(at: Database) -> list[str]:
    """Returns what is wrong with a file, by SQLite's own check and by the checksums of its rows."""
    found = [said for (said,) in at.rows("PRAGMA integrity_check") if said != "ok"]
    for one, other in (("keys", "vectors"), ("vectors", "keys")):
        query = f"SELECT count(*) FROM {one} WHERE id NOT IN (SELECT id FROM {other})"
        if orphans := at.rows(query)[0][0]:
            found.append(f"{orphans} of {one} without {other}")
    identity = at.meta["fingerprint"]
    broken = sum(not feature_cache.is_intact(identity, *row) for row in every_row(at))
    return [*found, f"{count(broken, 'row')} with a wrong checksum"] if broken else found


def every_row(at: Database) -> Iterator[tuple[object, object, object]]:
    """Yields key, value and checksum of every row, some in memory at a time."""
    query = "SELECT id, key, value, checksum FROM keys JOIN vectors USING (id)"
    last = -1
    while rows := at.rows(f"{query} WHERE id > ? ORDER BY id LIMIT 256", (last,)):
        last = rows[-1][0]
        yield from (row[1:] for row in rows)


def forget_deleted_files(path: Path) -> int:
    """Removes index entries of deleted files, and returns their number."""
    at = Database(path, (), None)
    names = [name for (name,) in at.rows("SELECT path FROM files")]
    gone = [(name,) for name in names if not Path(name).exists()]
    with at.transaction() as connection:
        connection.executemany("DELETE FROM files WHERE path = ?", gone)
        connection.execute("DELETE FROM contents WHERE sha256 NOT IN (SELECT sha256 FROM files)")
    at.rows("VACUUM")
    at.close()
    return len(gone)


def arguments() -> argparse.Namespace:
    """Returns what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier cache",
        description="Show, verify or prune the cached features.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("info", help="list what is cached")
    actions.add_parser("verify", help="read everything and check it")
    pruning = actions.add_parser("prune", help="list what could be deleted; with --yes, delete it")
    pruning.add_argument("--unused", action="store_true", help="of other images or networks")
    pruning.add_argument("--older-than", type=int, metavar="DAYS", help="not used for so long")
    pruning.add_argument("--yes", action="store_true", help="delete")
    asked = parser.parse_args()
    if asked.action == "prune":
        if not asked.unused and asked.older_than is None:
            pruning.error("name what to delete: --unused, --older-than DAYS, or both")
        if asked.older_than is not None and asked.older_than < 0:
            pruning.error(f"argument --older-than: must be 0 or more; got {asked.older_than}")
    return asked


def present(images_csv: Path, folder: Path, cache: Path) -> tuple[Path | None, Iterable[bytes]]:
    """Returns the file of the present network, and the keys of the present images."""
    if not images_csv.exists() or not (folder / base.INFO).exists():
        return None, ()
    runtime = engine.runtime(base.read_info(folder).engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    settings = params.load("extract", ViewParams, partial=True)
    augmentation_id = fingerprint.of_augmentation(settings)
    views = augmentation.all_views(manifest.iter_rows(images_csv), settings, augmentation_id)
    return feature_cache.cache_file(cache, identity), (view.key for view in views)


def main(images_csv: Path = manifest.PATH, folder: Path = base.FOLDER) -> None:
    """Does what the command line asks for."""
    asked, cache = arguments(), database.cache_folder()
    current, keys = present(images_csv, folder, cache)
    if asked.action == "prune" and asked.unused and not current:
        raise StageError(
            f"{images_csv} and {folder}: must exist to tell what is unused; run `dvc repro` "
            f"first, or delete {cache} as a whole"
        )
    chosen, lines, faults = 0, [], []
    for path in sorted((cache / feature_cache.FOLDER).glob("*.sqlite")):
        try:
            at = Database(path, (), None)
            mark_in_use(at, keys if path == current else ())
            lines.append(str(measure(at)))
            if asked.action == "verify":
                faults += [f"{path}: {fault}" for fault in verify(at)]
            if asked.action == "prune":
                chosen += prune(at, asked)
            at.close()
        except DamagedError as damage:
            faults.append(str(damage))
    print("\n".join([HEADING, *lines]) if lines else f"{cache}: no features are cached")
    damaged = sorted(cache.rglob("*.damaged"))
    for path in damaged:
        print(f"{path}: {size(path) / 1e6:,.1f} MB, set aside because it was damaged")
    if asked.action == "prune":
        print(pruned(asked, chosen, damaged, cache / file_index.NAME))
    if faults:
        raise StageError(*(f"{fault}; `dvc repro` repairs what it needs" for fault in faults))


def pruned(asked: argparse.Namespace, chosen: int, damaged: list[Path], index: Path) -> str:
    """Returns what was, or would be, deleted; damaged and stale entries go with the unused."""
    features = f"{chosen:,} cached features"
    if not asked.yes:
        return f"{features} would be deleted; add --yes to delete them"
    if not asked.unused:
        return f"{features} deleted"
    for path in damaged:
        remove(path)
    stale = forget_deleted_files(index) if index.exists() else 0
    return f"{features} deleted; removed {stale:,} index entries of deleted files"


if __name__ == "__main__":
    run_main(main)
