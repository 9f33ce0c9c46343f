"""Look into the image store, check it, and delete from it: `python -m stages.store --help`.

Reads   .cache, results/images.csv, models/base
Writes  .cache, only with --delete
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from stages import base, database, engine, index, manifest, outputs, params, progress, rows, views
from stages.averaging import Averaging
from stages.database import DamagedError, Database
from stages.errors import StageError, run
from stages.views import Copies

HELP = """
Deleting is always safe: what is missing is computed again when it is needed. With both --unused
and --older-than, rows go that are both. Where several checkouts share a store, --unused knows
the pictures of this one only.
"""


@dataclass(frozen=True)
class Network:
    """The rows of a network, and which of them are chosen for deletion.

    Attributes:
        path: of the file.
        note: what the network is.
        rows: all.
        in_use: those of the present network and pictures.
        chosen: those to delete.
        last_used: the day of the latest use, counted from 1970.
        size: of the file and its log, in bytes.
        fault: what is wrong with the file; empty if nothing was found.
    """

    path: Path
    note: str
    rows: int = 0
    in_use: int = 0
    chosen: int = 0
    last_used: int = 0
    size: int = 0
    fault: str = ""


def parts(path: Path) -> list[Path]:
    """Returns the files of a database that are there: itself, its log and its lock."""
    named = (path.with_name(path.name + end) for end in ("", "-wal", "-shm"))
    return [part for part in named if part.exists()]


def size(path: Path) -> int:
    """Returns the bytes of a database."""
    return sum(part.stat().st_size for part in parts(path))


def remove(path: Path) -> None:
    """Deletes a database."""
    for part in parts(path):
        outputs.remove(part)


def mark(at: Database, present: Iterable[bytes], unused: bool, before: int | None) -> None:
    """Makes tables of this connection: the rows `in_use`, and those to delete, `chosen`.

    Args:
        at: rows of a network.
        present: keys of the present pictures, if this is the present network.
        unused: choose rows that are not among them.
        before: choose rows not used since this day; None: whatever the day.
    """
    chosen = unused or before is not None
    where = f"{int(chosen)} AND ({int(not unused)} OR id NOT IN in_use) AND used < ?"
    at.rows("CREATE TEMP TABLE in_use (id INTEGER PRIMARY KEY)")
    for keys in progress.groups(present, 1000):
        marks = ",".join("?" * len(keys))
        query = f"INSERT OR IGNORE INTO in_use SELECT id FROM keys WHERE key IN ({marks})"
        at.rows(query, keys)
    at.rows("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
    day = 2**62 if before is None else before
    at.rows(f"INSERT INTO chosen SELECT id FROM keys WHERE {where}", (day,))


def measure(at: Database) -> Network:
    """Returns what there is in a file whose rows are marked."""
    counts = ("keys", "in_use", "chosen")
    found = [at.rows(f"SELECT count(*) FROM {table}")[0][0] for table in counts]
    ((last,),) = at.rows("SELECT max(used) FROM keys")
    keys, in_use, chosen = found
    return Network(at.path, at.about["note"], keys, in_use, chosen, last or 0, size(at.path))


def delete(at: Database, network: Network) -> None:
    """Deletes the chosen rows; the whole file if they are all."""
    if network.chosen == network.rows:
        at.close()
        remove(at.path)
        return
    with at.transaction() as connection:
        for table in ("vectors", "keys"):
            connection.execute(f"DELETE FROM {table} WHERE id IN chosen")
    at.rows("VACUUM")
    at.rows("PRAGMA wal_checkpoint(TRUNCATE)")


def faults(at: Database) -> list[str]:
    """Returns what is wrong in a file of rows, by SQLite's check and by the seals."""
    found = [said for (said,) in at.rows("PRAGMA integrity_check") if said != "ok"]
    orphans = "SELECT count(*) FROM {} WHERE id NOT IN (SELECT id FROM {})"
    for one, other in (("keys", "vectors"), ("vectors", "keys")):
        if count := at.rows(orphans.format(one, other))[0][0]:
            found.append(f"{count} of {one} without {other}")
    broken = sum(not rows.fits(at.about["fingerprint"], *row) for row in every(at))
    return [*found, f"{broken} rows do not fit their seal"] if broken else found


def every(at: Database) -> Iterator[tuple[object, object, object]]:
    """Yields key, value and seal of every row, some in memory at a time."""
    query = "SELECT id, key, value, seal FROM keys JOIN vectors USING (id) "
    last = -1
    while some := at.rows(f"{query} WHERE id > ? ORDER BY id LIMIT 256", (last,)):
        last = some[-1][0]
        yield from (row[1:] for row in some)


def listing(networks: list[Network]) -> str:
    """Returns the networks as lines."""
    heading = (
        f"{'fingerprint':16}  {'rows':>9}  {'in use':>9}  {'chosen':>9}  {'MB':>9}  "
        "last used   network"
    )
    lines = [
        f"{one.path.stem}  {one.rows:9,}  {one.in_use:9,}  {one.chosen:9,}  "
        f"{one.size / 1e6:9,.1f}  "
        f"{datetime.fromtimestamp(one.last_used * 86_400, UTC):%Y-%m-%d}  {one.note}"
        for one in networks
    ]
    return "\n".join([heading, *lines])


def arguments() -> argparse.Namespace:
    """Returns what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.store",
        description="Show what the image store keeps, and delete from it.",
        epilog=HELP,
    )
    parser.add_argument("--check", action="store_true", help="read everything and verify it")
    parser.add_argument(
        "--unused", action="store_true", help="choose rows of other pictures or networks"
    )
    parser.add_argument(
        "--older-than", type=int, metavar="DAYS", help="choose rows last used longer ago"
    )
    parser.add_argument("--delete", action="store_true", help="delete what is chosen")
    return parser.parse_args()


def look(path: Path, present: Iterable[bytes], asked: argparse.Namespace) -> Network:
    """Returns what a file of rows holds, after deleting from it what is asked for."""
    try:
        at = Database(path, (), None)
        before = None if asked.older_than is None else rows.today() - asked.older_than
        mark(at, present, asked.unused, before)
        network = measure(at)
        if asked.check and (said := faults(at)):
            network = replace(network, fault="; ".join(said))
        if asked.delete and network.chosen:
            delete(at, network)
        at.close()
    except DamagedError as damage:
        return Network(path, path.name, size=size(path), fault=str(damage))
    return network


def forget(path: Path) -> int:
    """Forgets files that are no more, and contents that only they had, and counts the files."""
    at = Database(path, (), None)
    query = "SELECT path FROM files WHERE path > ? ORDER BY path LIMIT 1000"
    gone, last = 0, ""
    while some := at.rows(query, (last,)):
        last = some[-1][0]
        with at.transaction() as connection:
            absent = [(name,) for (name,) in some if not Path(name).exists()]
            connection.executemany("DELETE FROM files WHERE path = ?", absent)
        gone += len(absent)
    with at.transaction() as connection:
        connection.execute("DELETE FROM contents WHERE sha256 NOT IN (SELECT sha256 FROM files)")
    at.rows("VACUUM")
    at.close()
    return gone


def main(images_csv: Path = manifest.PATH, folder: Path = base.FOLDER) -> None:
    """Shows the image store, and deletes from it what is asked for."""
    asked, store = arguments(), database.folder()
    known = images_csv.exists() and (folder / base.ABOUT).exists()
    if asked.unused and not known:
        raise StageError(
            f"{images_csv} and {folder}: must be there to tell what is unused; run `dvc repro` "
            f"first, or delete {store} as a whole"
        )
    present = rows.place(store, engine.fingerprint(folder)) if known else None
    chosen = (
        params.load("extract", Copies, whole=False),
        params.load("predict", Averaging, whole=False),
    )
    networks = []
    for path in sorted((store / rows.FOLDER).glob("*.sqlite")):
        pictures = manifest.stream(images_csv) if path == present else iter(())
        present_views = views.of(pictures, *chosen)
        networks.append(look(path, (view.key for view in present_views), asked))
    print(listing(networks) if networks else f"{store}: no features are kept")
    aside = sorted(store.rglob("*.damaged"))
    for path in aside:
        print(f"{path}: {size(path) / 1e6:,.1f} MB, set aside because it was damaged")
    if asked.delete and asked.unused:
        for path in aside:
            remove(path)
        if (store / index.NAME).exists():
            print(f"{forget(store / index.NAME):,} files that are no more forgotten")
    print(closing(networks, asked))
    if broken := [network for network in networks if network.fault]:
        mend = "`dvc repro` mends what it needs of it"
        raise StageError(*(f"{one.path}: {one.fault}; {mend}" for one in broken))


def closing(networks: list[Network], asked: argparse.Namespace) -> str:
    """Returns what was, or would be, deleted."""
    count = sum(network.chosen for network in networks)
    total = f"{sum(network.size for network in networks) / 1e6:,.1f} MB in all"
    if not asked.unused and asked.older_than is None:
        return f"{total}; choose what to delete with --unused or --older-than DAYS"
    if asked.delete:
        return f"{count:,} rows deleted, of {total}"
    return f"{count:,} rows would be deleted, of {total}; add --delete to do so"


if __name__ == "__main__":
    run(main)
