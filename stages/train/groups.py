"""Which images belong together: equal contents, near duplicates, and named groups."""

from collections.abc import Mapping

import numpy as np

from classifier.dataset.features import Array
from classifier.dataset.groups import EXIF, numbered
from classifier.dataset.orders import blocks
from stages.train.units import Contents, Units, find_units


def make_units(
    groups: Array,
    rows: np.ndarray,
    contents: Contents,
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
        contents: K.
        content: int (N,), the content of each image.
        copies: group of each image that has near duplicates, by its hash.
        labels: int (N,).
        trains: bool (N,).
        given: bool (N,), whether it is one of input/validation.
    """
    alike = near_duplicates(copies, contents)
    n_classes = int(labels.max()) + 1
    if copies:
        drawn = np.where(alike[content] >= 0, len(contents) + alike[content], content)
        whole = drawn[whole_classes(drawn, labels, n_classes)[labels]]
        alike[np.isin(len(contents) + alike, whole)] = -1
    names, group = numbered(groups, rows)
    dropped = np.array([name.startswith(EXIF) for name in names] + [False])  # by -1, too: no group
    if dropped.any() and not given.any():
        units = find_units(contents, content, names, group, alike)
        alone = whole_classes(units.numbers[trains], labels[trains], n_classes)
        dropped &= np.isin(np.arange(len(dropped)), group[alone[labels]])
    group[dropped[group]] = -1
    return find_units(contents, content, names, group, alike)


def near_duplicates(copies: Mapping[str, str], contents: Contents) -> np.ndarray:
    """Returns the number of the group of copies that each content is in, int32 (K,); -1: none."""
    found = np.full(len(contents), -1, np.int32)
    if copies:
        hashes = np.array([bytes.fromhex(name) for name in copies], "S32")
        _, numbers = np.unique(list(copies.values()), return_inverse=True)
        order = np.argsort(hashes)
        for block in blocks(len(contents)):
            own = contents[block]
            places = order[np.minimum(np.searchsorted(hashes, own, sorter=order), len(order) - 1)]
            found[block] = np.where(hashes[places] == own, numbers[places], -1)
    return found


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
