"""Import features from the results/features_*.npz of the last commit, in DVC's cache.

They spare a fresh clone after `dvc pull`, or a project without `.cache`, the forward passes.
"""

import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from classifier.cache.features import FeatureCache
from classifier.common.errors import warn
from classifier.dataset import features
from classifier.images.augmentation import view_key


def find(*paths: Path) -> list[Path]:
    """Returns where DVC's local cache holds these outputs as of the last commit."""
    from dvc.api import DVCFileSystem  # costs 0.3 s
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    cached = []
    with suppress(DvcException, SCMError, OSError):  # no repository, no commit, no such output
        files = DVCFileSystem(rev="HEAD")
        for path in paths:
            if md5 := files.info(path.as_posix()).get("md5"):
                cached.append(Path(files.repo.cache.local.oid_to_path(md5)))
    return [path for path in cached if path.exists()]


def import_features(cache: FeatureCache, fingerprint: str, *paths: Path) -> int:
    """Adds the features in the committed outputs to the cache, and returns how many were added."""
    added = 0
    for path in find(*paths):
        try:
            added += import_file(cache, fingerprint, path)
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            warn(f"{path}: damaged ({error}); its features are not used")
    return added


def import_file(cache: FeatureCache, fingerprint: str, path: Path) -> int:
    """Adds the features in a results/features_*.npz that the cache lacks, and returns how many.

    A file of another network adds nothing. A damaged one adds nothing and is an error: KeyError,
    ValueError or zipfile.BadZipFile.
    """
    size = features.rows_per_chunk(cache.shape, cache.dtype)
    if next(features.iter_chunks(path, "fingerprint", 1)) != fingerprint or not cache.writable:
        return 0
    if all(cache.has(keys) >= set(keys) for keys in _keys(path, size)):
        return 0
    for _ in features.iter_chunks(path, "features", size):
        pass  # the checksum of the whole, before any of it is used
    added = 0
    chunks = features.iter_chunks(path, "features", size)
    for keys, vectors in zip(_keys(path, size), chunks, strict=True):
        cached = cache.has(keys)
        new = {key: row for row, key in enumerate(keys) if key not in cached}
        cache.put(list(new), vectors[list(new.values())])
        added += len(new)
    return added


def _keys(path: Path, size: int) -> Iterator[list[bytes]]:
    (augmentation_id,) = next(features.iter_chunks(path, "augmentation_id", 1)).tolist()
    hashes, views = (features.iter_chunks(path, name, size) for name in ("sha256", "views"))
    for chunk, numbers in zip(hashes, views, strict=True):
        pairs = zip(chunk.tolist(), numbers.tolist(), strict=True)
        yield [view_key(sha256, number, augmentation_id) for sha256, number in pairs]
