"""Feature tables on disk."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifier.dataset import feature_writer, features
from classifier.dataset.feature_writer import Part
from classifier.dataset.features import FeatureTable
from classifier.dataset.npz import Column

PER_ROW = features.LAZY


def write(
    folder: Path, table: FeatureTable, ends: Sequence[int] = (), text_apart: bool = False
) -> None:
    """Writes a table in one part, or in several that end before these rows and the last."""
    columns = vars(table)
    constants = {name: array for name, array in columns.items() if name not in PER_ROW}
    bounds = [0, *ends, len(table.labels)]
    slices = [slice(*bounds[number : number + 2]) for number in range(len(bounds) - 1)]
    parts = [part({name: columns[name][rows] for name in PER_ROW}) for rows in slices]
    feature_writer.write(folder, constants, parts, text_apart)


def part(columns: dict[str, np.ndarray]) -> Part:
    """Returns a part of these rows."""
    for name in features.TEXT:
        columns[name] = np.char.encode(columns[name], "utf-8")
    digest = hashlib.sha256(b"".join(array.tobytes() for array in columns.values())).hexdigest()
    return Part(digest, {name: Column.from_array(array) for name, array in columns.items()})


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the files of a table, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
