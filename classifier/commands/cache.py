"""Show, verify or prune the cached features: `python -m classifier cache --help`.

Reads   .cache, results/images.csv, models/base, params.yaml
Writes  .cache, but only for `prune --yes`
"""

import argparse
import re
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from classifier.cache import database, fingerprint
from classifier.cache import features as feature_cache
from classifier.cache import files as file_index
from classifier.cache import results as result_cache
from classifier.cache.database import DamagedError, Database, placeholders
from classifier.common import parallel, params
from classifier.common.errors import StageError, count
from classifier.dataset import manifest
from classifier.images import augmentation
from classifier.images.augmentation import ViewParams
from classifier.inference import base, engine

EXAMPLES = """examples:
  python -m classifier cache info                     list what is cached
  python -m classifier cache prune --unused           count what could be deleted
  python -m classifier cache prune --unused --yes     delete it

Deleting is always safe: missing features are computed again. If several checkouts share a cache,
--unused knows the images of this one only.
"""
HEADING = f"{'network':16}  {'features':>9}  {'in use':>9}  {'MB':>9}  last used   description"
# only files with these names are ever deleted
NAMES = re.compile(r"((files|results|[0-9a-f]{16})\.sqlite)(\.damaged|\.old)?")
REPAIR = "`dvc repro` computes again what it needs; you can also delete the file"


def arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier cache",
        description="Show, verify or prune the cached features.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("info", help="list what is cached, and how much of it is in use")
    actions.add_parser("verify", help="read everything and check it; exit code 1 on damage")
    prune = actions.add_parser("prune", help="count what could be deleted; with --yes, delete it")
    prune.add_argument("--unused", action="store_true", help="of other images or other networks")
    prune.add_argument("--older-than", type=int, metavar="DAYS", help="not used for this many days")
    prune.add_argument("--yes", action="store_true", help="delete")
    args = parser.parse_args()
    if args.action == "prune" and not args.unused and args.older_than is None:
        prune.error("say what to delete: --unused, --older-than DAYS, or both")
    if args.action == "prune" and (args.older_than or 0) < 0:
        prune.error(f"argument --older-than: must be 0 or more; got {args.older_than}")
    return args


def main(images_csv: Path = manifest.PATH, folder: Path = base.FOLDER) -> None:
    """Does what the command line asks for."""
    args, cache = arguments(), database.cache_folder()
    try:
        networks, indexes, unusable = open_files(cache)
        if args.action == "verify":
            print(f"{count(verify(networks, indexes, unusable), 'cached feature')} intact")
            return
        current = mark_in_use(networks, cache, images_csv, folder)
        if args.action == "info":
            lines = [HEADING, *map(line, networks)] if networks else [f"{cache}: no features"]
            lines += [f"{p}: {why}, {megabytes(p):,.1f} MB" for p, why in unusable.items()]
            print("\n".join(lines))
            return
        if args.unused and not current:
            raise StageError(
                f"{images_csv} and {folder}: must exist to tell what is unused; run `dvc repro` "
                f"first, or delete {cache}"
            )
        leftovers = {  # `extract` recovers the current one
            path: why
            for path, why in unusable.items()
            if path != current and database.FOREIGN not in why
        }
        print("\n".join(prune(args, networks, indexes, leftovers)))
    except DamagedError as damage:
        raise StageError(f"{damage}; {REPAIR}") from None


def open_files(cache: Path) -> tuple[list[Database], dict[str, Database], dict[Path, str]]:
    """Returns the features of each network, the indexes, and what is wrong with other files.

    The indexes, by name, are those of files and of small results.
    """
    unusable, opened = dict[Path, str](), {}
    for path in sorted([*cache.glob("*"), *cache.glob(f"{feature_cache.FOLDER}/*")]):
        name = NAMES.fullmatch(path.name)
        if not name or not path.is_file():
            continue
        if name[3]:
            unusable[path] = "set aside"
            continue
        try:
            opened[path] = Database(path, (), None)
        except DamagedError as damage:
            unusable[path] = damage.reason
    paths = (cache / file_index.NAME, cache / result_cache.NAME)
    indexes = {path.name: opened.pop(path) for path in paths if path in opened}
    return list(opened.values()), indexes, unusable


def mark_in_use(
    networks: list[Database], cache: Path, images_csv: Path, folder: Path
) -> Path | None:
    """Adds tables `in_use` of the rows of current images; returns the current network's file."""
    for network in networks:
        network.rows("CREATE TEMP TABLE in_use (id INTEGER PRIMARY KEY)")
    if not images_csv.exists() or not (folder / base.INFO).exists():
        return None
    runtime = engine.runtime(base.read_info(folder).engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    current = feature_cache.cache_file(cache, identity)
    settings = params.load("extract", ViewParams, partial=True)
    augmentation_id = fingerprint.of_augmentation(settings)
    for network in (network for network in networks if network.path == current):
        unlabelled = images_csv.with_name(manifest.UNLABELLED.name)
        tables = (manifest.iter_rows(path) for path in (images_csv, unlabelled) if path.exists())
        rows = chain.from_iterable(tables)
        views = augmentation.all_views(rows, settings, augmentation_id)
        for keys in parallel.batched((view.key for view in views), 1000):
            query = f"SELECT id FROM keys WHERE key IN ({placeholders(keys)})"
            network.rows(f"INSERT OR IGNORE INTO in_use {query}", keys)
    return current


def line(network: Database) -> str:
    """Returns a line of the listing; needs the table `in_use`."""
    ((rows, last, used),) = network.rows(
        "SELECT count(*), max(used), (SELECT count(*) FROM in_use) FROM keys"
    )
    day = datetime.fromtimestamp((last or 0) * 86_400, UTC)
    return (
        f"{network.path.stem}  {rows:9,}  {used:9,}  {megabytes(network.path):9,.1f}  "
        f"{day:%Y-%m-%d}  {network.meta['note']}"
    )


def prune(
    args: argparse.Namespace,
    networks: list[Database],
    indexes: dict[str, Database],
    unusable: dict[Path, str],
) -> list[str]:
    """Deletes what the arguments select, or counts it without --yes; returns what to print."""
    features = {network.path: prune_network(network, args) for network in networks}
    lines = [f"{path}: {count(n, 'feature')}" for path, n in features.items() if n]
    selected = count(sum(features.values()), "cached feature")
    if args.unused and unusable:
        lines += [f"{path}: {why}" for path, why in unusable.items()]
        selected += f" and {count(len(unusable), 'unusable file')}"
    if not args.yes:
        return [*lines, f"would delete {selected}; add --yes to delete"]
    if not args.unused:
        return [*lines, f"deleted {selected}"]
    for path in unusable:
        remove(path)
    index = indexes.get(file_index.NAME)
    entries = count(forget_deleted_files(index) if index else 0, "index entry", "index entries")
    if index and (results := indexes.get(result_cache.NAME)):
        forget_results(results, index)
    return [*lines, f"deleted {selected}; removed {entries} of deleted files"]


def prune_network(network: Database, args: argparse.Namespace) -> int:
    """Returns the number of selected rows; deletes them if --yes, and a file left without rows."""
    today, days = feature_cache.today(), args.older_than
    before = 2**62 if days is None else max(0, today - days)
    where = "WHERE (NOT ? OR id NOT IN (SELECT id FROM in_use)) AND used < ?"
    selection = (args.unused, before)
    query = f"SELECT count(*), (SELECT count(*) FROM keys) FROM keys {where}"
    ((selected, rows),) = network.rows(query, selection)
    if args.yes and selected == rows:
        network.close()
        remove(network.path)
    elif args.yes and selected:
        with network.transaction() as connection:
            ids = f"SELECT id FROM keys {where}"
            connection.execute(f"DELETE FROM vectors WHERE id IN ({ids})", selection)
            connection.execute(f"DELETE FROM keys {where}", selection)
        network.rows("VACUUM")
        network.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(selected)


def forget_deleted_files(index: Database) -> int:
    """Removes index entries of deleted files, and returns their number."""
    paths = [path for (path,) in index.rows("SELECT path FROM files")]
    deleted = [(path,) for path in paths if not Path(path).exists()]
    with index.transaction() as connection:
        connection.executemany("DELETE FROM files WHERE path = ?", deleted)
        connection.execute("DELETE FROM contents WHERE sha256 NOT IN (SELECT sha256 FROM files)")
    index.rows("VACUUM")
    return len(deleted)


def forget_results(results: Database, index: Database) -> None:
    """Removes the results of contents that no file has any more."""
    known = {sha256 for (sha256,) in index.rows("SELECT sha256 FROM files")}
    rows = results.rows("SELECT key, contents FROM results")
    unused = [
        (key,) for key, contents in rows if not known.issuperset((contents[:32], contents[-32:]))
    ]
    with results.transaction() as connection:
        connection.executemany("DELETE FROM results WHERE key = ?", unused)
    results.rows("VACUUM")


def verify(
    networks: list[Database], indexes: dict[str, Database], unusable: dict[Path, str]
) -> int:
    """Returns the number of intact features; what is damaged is named in a StageError."""
    problems = [f"{path}: {why}" for path, why in unusable.items() if why.startswith("damaged")]
    intact = 0
    for file in [*networks, *indexes.values()]:
        try:
            if (answer := file.rows("PRAGMA integrity_check(1)")[0][0]) != "ok":
                raise file.damaged(answer)
            good, bad = check_rows(file) if file in networks else (0, 0)
        except DamagedError as damage:
            problems.append(str(damage))
            continue
        intact += good
        if bad:
            problems.append(f"{file.path}: {count(bad, 'damaged row')}")
    if problems:
        raise StageError(*(f"{problem}; {REPAIR}" for problem in problems))
    return intact


def check_rows(network: Database) -> tuple[int, int]:
    """Returns how many rows of `keys` match their checksum and vector, and how many do not."""
    query = "SELECT id, key, value, checksum FROM keys JOIN vectors USING (id)"
    intact, last, identity = 0, -1, network.meta["fingerprint"]
    while batch := network.rows(f"{query} WHERE id > ? ORDER BY id LIMIT 256", (last,)):
        last = batch[-1][0]
        intact += sum(feature_cache.is_intact(identity, *row[1:]) for row in batch)
    orphans = "SELECT count(*) FROM vectors WHERE id NOT IN (SELECT id FROM keys)"
    ((rows, others),) = network.rows(f"SELECT count(*), ({orphans}) FROM keys")
    return intact, rows - intact + others


def megabytes(path: Path) -> float:
    """Returns the size of a database."""
    return sum(part.stat().st_size for part in parts(path)) / 1e6


def remove(path: Path) -> None:
    """Deletes a database."""
    for part in parts(path):
        part.unlink()


def parts(path: Path) -> list[Path]:
    """Returns the existing files of a database: itself, its log and its lock."""
    names = (path.with_name(path.name + end) for end in ("", "-wal", "-shm"))
    return [part for part in names if part.exists()]
