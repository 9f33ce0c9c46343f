"""Show, verify, prune or add to the cached features: `python -m classifier cache --help`.

Reads   .cache, results/images.csv, models/base, params.yaml
Writes  .cache, but only for `merge` and `prune --yes`
"""

import argparse
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from classifier.cache import database, feature_file, fingerprint, shards
from classifier.cache import files as file_index
from classifier.cache import results as result_cache
from classifier.cache.database import FOREIGN, DamagedError, Database
from classifier.cache.features import FeatureCache
from classifier.commands import _cache_files
from classifier.commands._cache_files import NOT_MERGED, Contents, Network, megabytes
from classifier.common.errors import StageError, count
from classifier.dataset import manifest
from classifier.inference import base, engine

EXAMPLES = """examples:
  python -m classifier cache info                     list what is cached
  python -m classifier cache prune --unused           count what could be deleted
  python -m classifier cache prune --unused --yes     delete it
  python -m classifier cache merge /mnt/b/.cache      add what another machine has computed

Deleting is always safe: missing features are computed again. If several checkouts share a cache,
--unused knows the images of this one only.
"""
HEADING = f"{'network':16}  {'features':>9}  {'in use':>9}  {'MB':>9}  last used   description"
REPAIR = "`dvc repro` computes again what it needs; you can also delete the file"


def arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier cache",
        description="Show, verify or prune the cached features, or add some.",
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
    merge = actions.add_parser("merge", help="add the features that other machines have computed")
    merge.add_argument("places", type=Path, nargs="+", metavar="FOLDER", help="of a cache")
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
        if args.action == "merge":
            print(merge(args.places, cache, folder))
            return
        found = _cache_files.contents(cache)
        if args.action == "verify":
            print(f"{count(verify(found), 'cached feature')} intact")
            return
        current = _cache_files.current_network(cache, images_csv, folder)
        if args.action == "prune" and args.unused and not current:
            raise StageError(
                f"{images_csv} and {folder}: must exist to tell what is unused; run `dvc repro` "
                f"first, or delete {cache}"
            )
        with tempfile.TemporaryDirectory() as name:
            keys = Path(name) / "keys.sqlite"
            if any(network.path == current for network in found.networks):
                _cache_files.write_keys(keys, images_csv)
            of_images = {current: keys} if keys.exists() else {}
            if args.action == "info":
                lines = [line(network, of_images.get(network.path)) for network in found.networks]
                lines = [HEADING, *lines] if lines else [f"{cache}: no features"]
                lines += [f"{p}: {w}, {megabytes(p):,.1f} MB" for p, w in found.unusable.items()]
            else:
                lines = prune(args, found, current, of_images)
            print("\n".join(lines))
    except DamagedError as damage:
        raise StageError(f"{damage}; {REPAIR}") from None


def merge(places: list[Path], cache: Path, folder: Path) -> str:
    """Adds the features in the places to the cache; returns what to print."""
    info = base.read_info(folder)
    runtime = engine.runtime(info.engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    features = FeatureCache(cache, identity, info.feature_shape, info.dtype, f"{info}, {runtime}")
    if not features.writable:
        raise StageError(f"{features.path}: must be writable; nothing is added")
    merged = shards.merge(places, features)
    features.close()
    damaged = f", {count(merged.damaged, 'damaged row')} left out" if merged.damaged else ""
    return f"{count(merged.added, 'feature')} added, {merged.known:,} were there{damaged}"


def line(network: Network, keys: Path | None) -> str:
    """Returns a line of the listing; `keys` are those of the current images."""
    rows, last, used, note = 0, 0, 0, ""
    for path in network.files:
        with _cache_files.opened(path, keys) as file:
            ((in_file, latest, in_use),) = file.rows(
                "SELECT count(*), max(used), (SELECT count(*) FROM in_use) FROM keys"
            )
            rows, last, used = rows + in_file, max(last, latest or 0), used + in_use
            note = file.meta["note"]
    day = datetime.fromtimestamp(last * 86_400, UTC)
    return (
        f"{network.path.stem}  {rows:9,}  {used:9,}  {network.megabytes:9,.1f}  "
        f"{day:%Y-%m-%d}  {note}"
    )


def prune(
    args: argparse.Namespace, found: Contents, current: Path | None, keys: dict[Path | None, Path]
) -> list[str]:
    """Deletes what the arguments select, or counts it without --yes; returns what to print.

    Args:
        args: of the command line.
        found: what is in the cache.
        current: first file of the current network; `extract` recovers and merges its other files.
        keys: of the current images, by that file.
    """
    features = {
        network.path: sum(prune_file(path, keys.get(network.path), args) for path in network.files)
        for network in found.networks
    }
    unusable = {
        path: why
        for path, why in found.unusable.items()
        if not (current and is_needed(path, why, current)) and FOREIGN not in why
    }
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
        _cache_files.remove(path)
    index = found.indexes.get(file_index.NAME)
    entries = count(forget_deleted_files(index) if index else 0, "index entry", "index entries")
    if index and (results := found.indexes.get(result_cache.NAME)):
        forget_results(results, index)
    return [*lines, f"deleted {selected}; removed {entries} of deleted files"]


def is_needed(path: Path, why: str, current: Path) -> bool:
    """Tells whether `extract` recovers or merges a file that is not used now."""
    is_shard = why == NOT_MERGED and path.name.startswith(current.stem)
    return is_shard or path in (current, current.with_suffix("") / path.name)


def prune_file(path: Path, keys: Path | None, args: argparse.Namespace) -> int:
    """Returns the number of selected rows; deletes them if --yes, and a file left without rows."""
    today, days = feature_file.today(), args.older_than
    before = 2**62 if days is None else max(0, today - days)
    where = "WHERE (NOT ? OR id NOT IN (SELECT id FROM in_use)) AND used < ?"
    selection = (args.unused, before)
    with _cache_files.opened(path, keys) as file:
        query = f"SELECT count(*), (SELECT count(*) FROM keys) FROM keys {where}"
        ((selected, rows),) = file.rows(query, selection)
        if args.yes and 0 < selected < rows:
            with file.transaction() as connection:
                ids = f"SELECT id FROM keys {where}"
                connection.execute(f"DELETE FROM vectors WHERE id IN ({ids})", selection)
                connection.execute(f"DELETE FROM keys {where}", selection)
            file.rows("VACUUM")
            file.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    if args.yes and selected == rows:
        _cache_files.remove(path)
        with suppress(OSError):  # it has other parts
            path.parent.rmdir()
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


def verify(found: Contents) -> int:
    """Returns the number of intact features; what is damaged is named in a StageError."""
    problems = [f"{p}: {why}" for p, why in found.unusable.items() if why.startswith("damaged")]
    intact = 0
    for path in (path for network in found.networks for path in network.files):
        try:
            with _cache_files.opened(path) as file:
                check_pages(file)
                good, bad = check_rows(file)
        except DamagedError as damage:
            problems.append(str(damage))
            continue
        intact += good
        if bad:
            problems.append(f"{path}: {count(bad, 'damaged row')}")
    for index in found.indexes.values():
        try:
            check_pages(index)
        except DamagedError as damage:
            problems.append(str(damage))
    if problems:
        raise StageError(*(f"{problem}; {REPAIR}" for problem in problems))
    return intact


def check_pages(file: Database) -> None:
    """Raises a DamagedError if SQLite finds damage."""
    if (answer := file.rows("PRAGMA integrity_check(1)")[0][0]) != "ok":
        raise file.damaged(answer)


def check_rows(network: Database) -> tuple[int, int]:
    """Returns how many rows of `keys` match their checksum and vector, and how many do not."""
    query = "SELECT id, key, value, checksum FROM keys JOIN vectors USING (id)"
    intact, last, identity = 0, -1, network.meta["fingerprint"]
    network.rows("BEGIN")  # what others add until the end is not seen
    while batch := network.rows(f"{query} WHERE id > ? ORDER BY id LIMIT 256", (last,)):
        last = batch[-1][0]
        intact += sum(feature_file.is_intact(identity, *row[1:]) for row in batch)
    orphans = "SELECT count(*) FROM vectors WHERE id NOT IN (SELECT id FROM keys)"
    ((rows, others),) = network.rows(f"SELECT count(*), ({orphans}) FROM keys")
    network.rows("COMMIT")
    return intact, rows - intact + others
