"""Groups of images that belong together: on one side of a split, in one fold."""

from collections.abc import Iterable

import numpy as np

from classifier.dataset.features import Array
from classifier.dataset.orders import blocks

EXIF = "exif: "  # begins the name of a group that comes from EXIF, not from input/labels.csv


def listed(names: Iterable[str]) -> list[str]:
    """Returns the names of groups, those that come from EXIF replaced by empty ones."""
    return ["" if name.startswith(EXIF) else name for name in names]


def numbered(groups: Array, rows: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Returns the names of groups, ascending, and the group of each row, int32 (N,); -1: none."""
    numbers = {"": 0}
    found = np.empty(len(rows), np.int32)
    for block in blocks(len(rows)):
        names = groups[rows[block]].tolist()
        found[block] = [numbers.setdefault(name, len(numbers)) for name in names]
    names = sorted(numbers)
    ranks = np.empty(len(names), np.int32)
    ranks[[numbers[name] for name in names]] = np.arange(len(names)) - 1
    return names[1:], ranks[found]
