"""Which images belong together: equal contents, near duplicates, and named groups."""

from collections.abc import Mapping

import numpy as np

from classifier.dataset.features import Array
from classifier.dataset.groups import EXIF
from stages.train.units import Units, find_units

BLOCK = 65_536  # names at once


def make_units(
    groups: Array,
    rows: np.ndarray,
    contents: np.ndarray,
    content: np.ndarray,
    copies: Mapping[str, str],
    labels: np.ndarray,
    trains: np.ndarray,
    given: np.ndarray,
) -> Units:
    """Returns what images are drawn with.

    It is no group of copies, nor of images from one camera by EXIF, that holds a whole class: none
    of its images could validate. With images of input/validation, EXIF makes no groups.

    Args:
        groups: str (R,), the name of the group of each row; empty without.
        rows: int (N,), the row of each image.
        contents: bytes S32 (K,), ascending.
        content: int (N,), the content of each image.
        copies: group of each image that has near duplicates, by its hash.
        labels: int (N,).
        trains: bool (N,).
        given: bool (N,), whether it is one of input/validation.
    """
    alike = near_duplicates(copies, contents)
    drawn = np.where(alike[content] >= 0, len(contents) + alike[content], content)
    n_classes = int(labels.max()) + 1
    whole = drawn[whole_classes(drawn, labels, n_classes)[labels]]
    alike[np.isin(len(contents) + alike, whole)] = -1
    names, group = named_groups(groups, rows)
    dropped = np.array([name.startswith(EXIF) for name in names] + [False])  # by -1, too: no group
    if dropped.any() and not given.any():
        units = find_units(contents, content, names, group, alike)
        alone = whole_classes(units.numbers[trains], labels[trains], n_classes)
        dropped &= np.isin(np.arange(len(dropped)), group[alone[labels]])
    return find_units(contents, content, names, np.where(dropped[group], -1, group), alike)


def near_duplicates(copies: Mapping[str, str], contents: np.ndarray) -> np.ndarray:
    """Returns the number of the group of copies that each content is in, int (K,); -1: none."""
    found = np.full(len(contents), -1)
    if copies:
        hashes = np.array([bytes.fromhex(name) for name in copies], "S32")
        _, numbers = np.unique(list(copies.values()), return_inverse=True)
        places = np.minimum(np.searchsorted(contents, hashes), len(contents) - 1)
        known = contents[places] == hashes
        found[places[known]] = numbers[known]
    return found


def named_groups(groups: Array, rows: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Returns the names of groups, ascending, and the group of each row, int (N,); -1: none."""
    numbers = {"": 0}
    found = np.empty(len(rows), int)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        names = groups[rows[block]].tolist()
        found[block] = [numbers.setdefault(name, len(numbers)) for name in names]
    names = sorted(numbers)
    ranks = np.empty(len(names), int)
    ranks[[numbers[name] for name in names]] = np.arange(len(names)) - 1
    return names[1:], ranks[found]


def whole_classes(units: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns the classes of which all images are in one unit, bool (C,).

    Args:
        units: int (N,).
        labels: int (N,).
        n_classes: C.
    """
    low, high = np.full(n_classes, np.iinfo(int).max), np.full(n_classes, -1)
    np.minimum.at(low, labels, units)
    np.maximum.at(high, labels, units)
    return low == high
