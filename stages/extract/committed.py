"""Import features from the results/features_* of the last commit, in DVC's cache.

They spare a fresh clone after `dvc pull`, or a project without `.cache`, the forward passes.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np

from classifier.cache.features import FeatureCache
from classifier.common.errors import warn
from classifier.dataset import features, npz
from classifier.images.augmentation import view_key


def find(*folders: Path) -> list[list[Path]]:
    """Returns where DVC's local cache holds the files of these outputs as of the last commit.

    table.npz comes first, then the parts that are there; an output without table.npz is left out.
    """
    from dvc.api import DVCFileSystem  # costs 0.3 s
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    found = []
    with suppress(DvcException, SCMError, OSError, ValueError):  # no repository, no such output
        repository = DVCFileSystem(rev="HEAD")
        cached = repository.repo.cache.local.oid_to_path
        for folder in folders:
            if md5 := repository.info(folder.as_posix()).get("md5"):
                listed = json.loads(Path(cached(md5)).read_text("utf-8"))
                paths = {one["relpath"]: Path(cached(one["md5"])) for one in listed}
                parts = [paths[name] for name in sorted(paths) if features.is_part(name)]
                found.append([paths[features.TABLE], *filter(Path.exists, parts)])
    return [paths for paths in found if paths[0].exists()]


def import_features(cache: FeatureCache, fingerprint: str, *folders: Path) -> int:
    """Adds the features in the committed outputs to the cache, and returns how many were added."""
    return sum(import_table(cache, fingerprint, *paths) for paths in find(*folders))


def import_table(cache: FeatureCache, fingerprint: str, table: Path, *parts: Path) -> int:
    """Adds the features of a table that the cache lacks, and returns how many.

    A table of another network adds nothing. A damaged file adds nothing and is reported.
    """
    added, made = 0, dict[str, np.ndarray]()
    with _reported(table):
        made = npz.read(table, ("fingerprint", "augmentation_id"))
    if made.get("fingerprint") == fingerprint and cache.writable:
        for part in parts:
            with _reported(part):
                added += _import_part(cache, part, str(made["augmentation_id"]))
    return added


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except npz.DAMAGED as error:
        warn(f"{path}: damaged ({error}); its features are not used")


def _import_part(cache: FeatureCache, part: Path, augmentation_id: str) -> int:
    keys = partial(_keys, part, augmentation_id)
    size = features.rows_per_chunk(cache.shape, cache.dtype)
    if all(cache.has(some) >= set(some) for some in keys(size)):
        return 0
    for _ in npz.iter_chunks(part, "features", size):
        pass  # the checksum of the whole, before any of it is used
    added = 0
    for some, vectors in zip(keys(size), npz.iter_chunks(part, "features", size), strict=True):
        cached = cache.has(some)
        new = {key: row for row, key in enumerate(some) if key not in cached}
        cache.put(list(new), vectors[list(new.values())])
        added += len(new)
    return added


def _keys(path: Path, augmentation_id: str, size: int) -> Iterator[list[bytes]]:
    hashes, views = (npz.iter_chunks(path, name, size) for name in ("sha256", "views"))
    for chunk, numbers in zip(hashes, views, strict=True):
        pairs = zip(features.hex_hashes(chunk), numbers.tolist(), strict=True)
        yield [view_key(sha256, number, augmentation_id) for sha256, number in pairs]
