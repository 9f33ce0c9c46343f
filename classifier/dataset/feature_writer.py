"""Writes results/features_*; parts that are there already stay as they are."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.dataset import features, npz
from classifier.dataset.npz import Column


@dataclass(frozen=True)
class Part:
    """Some rows of a table.

    Attributes:
        digest: of all that its bytes depend on.
        columns: features.LAZY, text as UTF-8.
    """

    digest: str
    columns: Mapping[str, Column]


def write(folder: Path, constants: Mapping[str, object], parts: Iterable[Part]) -> None:
    """Writes a table; the same parts give the same bytes, whatever is there.

    After a kill some parts are of one run and some of another, until the next run writes the
    others.

    Args:
        folder: results/features_train or another.
        constants: the other arrays of a FeatureTable.
        parts: the columns of those that are kept are not read.

    Raises:
        StageError: the disk is full, or a file cannot be written.
    """
    digests = []
    for number, part in enumerate(parts):
        path = features.part_path(folder, number)
        if not _is_there(path, part.digest):
            digest = Column.from_array(np.array(part.digest))
            npz.write(path, {features.DIGEST: digest, **part.columns})
        digests.append(part.digest)
    arrays = {name: np.array(value) for name, value in constants.items()}
    arrays[features.DIGESTS] = np.array(digests)
    table = {name: Column.from_array(array) for name, array in arrays.items()}
    npz.write(folder / features.TABLE, table)
    _remove_others(folder, len(digests))


def _is_there(path: Path, digest: str) -> bool:
    """Tells whether a file is the part with a digest, undamaged."""
    try:
        if npz.read(path, (features.DIGEST,))[features.DIGEST] != digest:
            return False
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except npz.DAMAGED:
        return False


def _remove_others(folder: Path, count: int) -> None:
    """Removes parts that a table of `count` parts does not have, and what killed runs left."""
    kept = {features.TABLE, *(features.part_path(folder, n).name for n in range(count))}
    for path in list(folder.iterdir()):
        name = files.TEMPORARY.sub("", path.name)
        if name != path.name and (name in kept or features.is_part(name)):
            files.remove_leftovers(folder / name)
        elif features.is_part(name) and name not in kept:
            with files.disk_errors(path):
                path.unlink()
