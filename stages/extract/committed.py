"""Features that were computed before: results/*.npz of the last commit, in DVC's cache.

They make a fresh clone incremental after `dvc pull`, and a project whose image store was deleted.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from classifier.cache.features import FeatureCache
from classifier.common.errors import warn
from classifier.dataset import features
from classifier.images.augmentation import view_key

CHUNK = 1024  # keys in memory


def find(*paths: Path) -> list[Path]:
    """Returns where DVC's local cache has those of the outputs that were committed last."""
    from dvc.api import DVCFileSystem  # costs 0.3 s
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    found = []
    try:
        files = DVCFileSystem(rev="HEAD")
        for path in paths:
            if md5 := files.info(path.as_posix()).get("md5"):
                found.append(Path(files.repo.cache.local.oid_to_path(md5)))
    except (DvcException, SCMError, OSError):  # no repository, no commit, no such output
        pass
    return [path for path in found if path.exists()]


def import_features(kept: FeatureCache, path: Path, fingerprint: str) -> None:
    """Puts the features of a results/*.npz into the image store, as far as it lacks them.

    A file that is damaged, or of another network, gives nothing.
    """
    try:
        if str(next(features.iter_chunks(path, "fingerprint", 1))[0]) != fingerprint:
            return
        if all(kept.has(keys) >= set(keys) for keys in _keys(path)):
            return
        size = features.rows_per_chunk(kept.shape, kept.dtype)
        for _ in features.iter_chunks(path, "features", size):
            pass  # checks the whole before any of it is used
        chunks = features.iter_chunks(path, "features", size)
        for keys, vectors in zip(_keys(path, size), chunks, strict=True):
            have = kept.has(keys)
            new = {key: row for row, key in enumerate(keys) if key not in have}
            kept.put(list(new), vectors[list(new.values())])
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        warn(f"{path}: damaged ({error}); its features are not used")


def _keys(path: Path, size: int = CHUNK) -> Iterator[list[bytes]]:
    augmentation_id = str(next(features.iter_chunks(path, "augmentation_id", 1))[0])
    hashes, views = (features.iter_chunks(path, name, size) for name in ("sha256", "views"))
    for some, numbers in zip(hashes, views, strict=True):
        pairs = zip(some.tolist(), numbers.tolist(), strict=True)
        yield [view_key(sha256, number, augmentation_id) for sha256, number in pairs]
