"""Groups of images that belong together: on one side of a split, in one fold."""

from collections.abc import Iterable, Sequence

import numpy as np

from classifier.dataset.features import Array
from classifier.dataset.orders import blocks

EXIF = "exif: "  # begins the name of a group that comes from EXIF, not from input/labels.csv


def listed(names: Iterable[str]) -> list[str]:
    """Returns the names of groups, those that come from EXIF replaced by empty ones."""
    return ["" if name.startswith(EXIF) else name for name in names]


def representatives(members: Iterable[Sequence[str]]) -> dict[str, str]:
    """Returns the smallest name that each name is connected with, directly or through others.

    Args:
        members: names that belong together, such as the content and the group of an image.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = parent[above]
            name = above
        return name

    for first, *others in members:
        one = root(first)
        for other in others:
            low, high = sorted((one, root(other)))
            parent[high] = one = low
    return {name: root(name) for name in list(parent)}


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
