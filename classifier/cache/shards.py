"""What several machines have computed, each in a file of its own, and its way into the cache."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from operator import add
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.cache import files, results
from classifier.cache.database import Access, DamagedError, Database
from classifier.cache.feature_file import ROWS, Row, is_intact
from classifier.cache.features import FeatureCache, Shard
from classifier.cache.recovery import set_aside
from classifier.cluster import identity
from classifier.cluster.identity import Identity
from classifier.common.errors import StageError, count, first_names, warn

FOLDER = "shards"  # in the cache
UNFINISHED = ".unfinished"  # end of the name of a file that a process fills
OTHERS = (files.NAME, results.NAME)  # files of a cache without features
AT_ONCE = 256  # rows that are read


class Merged(NamedTuple):
    """What became of the rows of some files."""

    added: int = 0
    known: int = 0  # the cache had them
    damaged: int = 0


def begin(folder: Path, fingerprint: str, number: int, of: int) -> Shard:
    """Returns where to keep shard `number` of `of`, with what an earlier run has computed.

    Args:
        folder: of the cache.
        fingerprint: of the network.
        number: from 1.
        of: number of shards.

    Raises:
        StageError: the folder has files of machines with another kind of processor.
    """
    finished = folder / FOLDER / f"{fingerprint[:16]}.{number}-of-{of}.sqlite"
    unfinished = finished.with_name(finished.name + UNFINISHED)
    _refuse([*_of_network(finished.parent, fingerprint), *([unfinished] * unfinished.exists())])
    if finished.exists() and not unfinished.exists():
        finished.replace(unfinished)
    return Shard(unfinished, _processor())


def finish(shard: Shard) -> Path:
    """Gives the file of a shard, which is closed, its final name, and returns that."""
    return shard.path.replace(shard.path.with_suffix(""))


def adopt(folder: Path, cache: FeatureCache) -> Merged:
    """Moves the rows of the finished shards of its network in the folder of the cache there.

    Raises:
        StageError: they are of another kind of processor.
    """
    finished = set((folder / FOLDER).glob("*-of-*.sqlite"))
    paths = _of_network(folder / FOLDER, cache.meta["fingerprint"])
    if others := sorted(path.name for path in finished.difference(paths)):
        warn(
            f"{folder / FOLDER}: of another network or other libraries, so not used: "
            f"{first_names(others)}; `python -m classifier cache prune --unused` deletes them"
        )
    if not cache.writable:
        return Merged()
    _refuse(paths)
    merged = Merged()
    for path in paths:
        try:
            merged = _add(path, cache, merged)
            path.unlink()
        except DamagedError as damage:
            set_aside(damage)
            warn(f"{damage}; the rest of its features is computed again")
    if merged.damaged:
        warn(f"{folder / FOLDER}: {count(merged.damaged, 'damaged row')} computed again")
    return merged


def merge(places: Iterable[Path], cache: FeatureCache) -> Merged:
    """Adds the rows of files elsewhere, which stay as they are, to the cache.

    Raises:
        StageError: a place has no features, or those of another network or kind of processor.
    """
    found = {place: list(_files(place)) for place in places}
    rule = "must be a cache, or a file of one; got no cached features"
    errors = [f"{place}: {rule}" for place, paths in found.items() if not paths]
    paths = [path for some in found.values() for path in some]
    _refuse(paths, errors, cache)
    merged = Merged()
    for path in paths:
        try:
            merged = _add(path, cache, merged)
        except DamagedError as damage:
            warn(f"{damage}; the rest of its features is left out")
    return merged


def _of_network(folder: Path, fingerprint: str) -> list[Path]:
    """Returns the finished files of a network."""
    return sorted(folder.glob(f"{fingerprint[:16]}.*-of-*.sqlite"))


def _files(place: Path) -> Iterator[Path]:
    """Yields the files with features in a place; warns of those that are not complete."""
    if place.is_file():
        yield place
    for path in sorted(place.rglob(f"*.sqlite{UNFINISHED}")):
        warn(f"{path}: not finished, so it is left out; run its `--shard` again")
    yield from (path for path in sorted(place.rglob("*.sqlite")) if path.name not in OTHERS)


def _refuse(
    paths: Iterable[Path], errors: Iterable[str] = (), cache: FeatureCache | None = None
) -> None:
    """Raises a StageError with the errors, and those of files that must not be merged here."""
    refused = list(errors)
    for path in paths:
        with suppress(DamagedError), closing(_opened(path)) as file:  # reported when it is added
            if cache and file.meta["fingerprint"] != cache.meta["fingerprint"]:
                own, other = map(_network, (cache.meta, file.meta))
                refused.append(f"{path}: must be of network {own}; got {other}: leave it out")
            elif refusal := _other_processor(file.meta):
                refused.append(f"{path}: {refusal}")
    if refused:
        raise StageError(*refused)


def _network(meta: Mapping[str, str]) -> str:
    return f"{meta['fingerprint'][:16]} ({meta['note']})"


def _other_processor(meta: Mapping[str, str]) -> str:
    """Returns why features of another machine are refused here; empty if they are not."""
    own = _processor()
    other = meta.get("processor", own)
    return identity.difference(Identity("", "", other), Identity("", "", own))


def _processor() -> str:
    return identity.instructions(identity.CPU_INFO)


def _opened(path: Path) -> Database:
    """Opens a file with features; nobody writes it, unless there is a log of writes beside it."""
    log = path.with_name(f"{path.name}-wal")
    opened = Database(path, (), None, Access.SHARED if log.exists() else Access.FROZEN)
    if "fingerprint" not in opened.meta:
        opened.close()
        raise opened.damaged("no cached features")
    return opened


def _add(path: Path, cache: FeatureCache, merged: Merged) -> Merged:
    """Adds the rows of a file to the cache; returns `merged` with what became of them."""
    with closing(_opened(path)) as file:
        last, network = 0, file.meta["fingerprint"]
        query = f"{ROWS} WHERE id > ? ORDER BY id LIMIT {AT_ONCE}"
        while rows := [Row(*row) for row in file.rows(query, (last,))]:
            last = rows[-1].id
            intact = {row.key: row.value for row in rows if is_intact(network, *row[:3])}
            known = cache.has(intact)
            new = [key for key in intact if key not in known]
            vectors = np.frombuffer(b"".join(intact[key] for key in new), cache.dtype)
            cache.put(new, vectors.reshape(-1, *cache.shape))
            counts = len(new), len(known), len(rows) - len(intact)
            merged = Merged(*map(add, merged, counts))
    return merged
