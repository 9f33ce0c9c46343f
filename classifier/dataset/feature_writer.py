"""Writes results/features_*; parts that are there already stay as they are."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifier.common import files, parquet
from classifier.common.errors import StageError
from classifier.dataset import features, npz
from classifier.dataset.npz import Column

TEXT_APART = ", text apart"  # in a digest


@dataclass(frozen=True)
class Part:
    """Some rows of a table.

    Attributes:
        digest: of all that its bytes depend on.
        columns: features.LAZY, text as UTF-8.
    """

    digest: str
    columns: Mapping[str, Column]


def write(
    folder: Path,
    constants: Mapping[str, object],
    parts: Iterable[Part],
    text_apart: bool = False,
) -> None:
    """Writes a table; the same parts give the same bytes, whatever is there.

    After a kill some parts are of one run and some of another, until the next run writes the
    others.

    Args:
        folder: results/features_train or another.
        constants: the other arrays of a FeatureTable.
        parts: the columns of those that are kept are not read.
        text_apart: whether their text is in Parquet files of its own.

    Raises:
        StageError: the disk is full, or a file cannot be written.
    """
    digests = []
    for number, part in enumerate(parts):
        digests.append(part.digest + TEXT_APART * text_apart)
        _write_part(folder, number, replace(part, digest=digests[-1]), text_apart)
    arrays = {name: np.array(value) for name, value in constants.items()}
    arrays[features.DIGESTS] = np.array(digests)
    table = {name: Column.from_array(array) for name, array in arrays.items()}
    npz.write(folder / features.TABLE, table)
    _remove_others(folder, len(digests), text_apart)


def _write_part(folder: Path, number: int, part: Part, text_apart: bool) -> None:
    """Writes a part, unless it is there."""
    path, text = features.part_path(folder, number), features.text_path(folder, number)
    if _is_there(path, part.digest) and (not text_apart or _is_text(text, part.digest)):
        return
    names = features.NUMBERS if text_apart else features.LAZY
    if text_apart:
        _write_text(text, part)
    digest = Column.from_array(np.array(part.digest))
    columns = {name: column for name, column in part.columns.items() if name in names}
    npz.write(path, {features.DIGEST: digest, **columns})


def _write_text(path: Path, part: Part) -> None:
    columns = dict.fromkeys(features.TEXT, "string")
    arrays = [np.concatenate(list(part.columns[name].chunks)) for name in columns]
    with (
        files.atomic_write(path) as file,
        parquet.open_writer(file, columns, {features.DIGEST: part.digest}) as write_row,
    ):
        for row in zip(*(array.tolist() for array in arrays), strict=True):
            write_row([text.decode() for text in row])


def _is_text(path: Path, digest: str) -> bool:
    """Tells whether a file is the text of the part with a digest, undamaged."""
    try:
        if parquet.read_metadata(path).get(features.DIGEST) != digest:
            return False
        parquet.check(path)
        return True
    except (OSError, StageError):
        return False


def _is_there(path: Path, digest: str) -> bool:
    """Tells whether a file is the part with a digest, undamaged."""
    try:
        if npz.read(path, (features.DIGEST,))[features.DIGEST] != digest:
            return False
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except npz.DAMAGED:
        return False


def _remove_others(folder: Path, count: int, text_apart: bool) -> None:
    """Removes parts that a table of `count` parts does not have, and what killed runs left."""
    kept = {features.TABLE, *(features.part_path(folder, n).name for n in range(count))}
    if text_apart:
        kept |= {features.text_path(folder, n).name for n in range(count)}
    for path in list(folder.iterdir()):
        name = files.TEMPORARY.sub("", path.name)
        ours = features.is_part(name, "npz|parquet")
        if name != path.name and (name in kept or ours):
            files.remove_leftovers(folder / name)
        elif ours and name not in kept:
            with files.disk_errors(path):
                path.unlink()
