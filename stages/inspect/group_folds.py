"""Folds of which no group is on both sides, and classes with enough groups for them."""

import numpy as np

from classifier.dataset import orders
from stages.inspect.lda import FOLDS


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a fold for each image, int8 (N,): the groups of a class are dealt out in turn.

    Depends on labels and groups alone, not on the order of the images. scikit-learn has a
    StratifiedGroupKFold, but its import takes longer than the whole stage.

    Args:
        labels: int (N,), 0 or more.
        groups: int (N,), dealt out in ascending order; 0 or more.
    """
    pairs, folds = _pairs(labels, groups), np.empty(len(labels), np.int8)
    starts = np.searchsorted(pairs, np.arange(labels.max(initial=-1) + 1) << 32)  # of each class
    for block in orders.blocks(len(labels)):
        own = labels[block]
        folds[block] = (np.searchsorted(pairs, _keys(own, groups[block])) - starts[own]) % FOLDS
    return folds


def large_classes(labels: np.ndarray, groups: np.ndarray, least: int) -> np.ndarray:
    """Returns the classes with images in at least so many groups, ascending.

    Args:
        labels: int (N,); less than 0 where unknown.
        groups: int (N,); 0 or more.
        least: how many groups.
    """
    present = _pairs(labels, groups)
    present >>= 32  # the class of each pair
    starts = np.flatnonzero(np.append(True, present[1:] != present[:-1])[: len(present)])
    classes, counts = present[starts], np.diff(starts, append=len(present))
    return np.asarray(classes[(counts >= least) & (classes >= 0)])


def _pairs(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the different pairs of a label and a group as sorted numbers, int64 (P,)."""
    keys = _keys(labels, groups)
    keys.sort()
    return keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]


def _keys(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a number for each label and group, in the order of both, int64 (N,)."""
    keys = labels.astype(np.int64)
    keys <<= 32
    keys |= groups
    return keys
