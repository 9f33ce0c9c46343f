"""Folds that keep each group whole, and classes with enough groups for them."""

import numpy as np

from classifier.dataset import orders
from stages.inspect.lda import FOLDS
from stages.inspect.unique_keys import pack, unique


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a fold for each image, int8 (N,): the groups of a class are dealt out in turn.

    Depends on labels and groups alone, not on the order of the images. scikit-learn has a
    StratifiedGroupKFold, but its import takes longer than the whole stage.

    Args:
        labels: int (N,), 0 or more.
        groups: int (N,), dealt out in ascending order; 0 or more.
    """
    pairs, folds = unique(pack(labels, groups)), np.empty(len(labels), np.int8)
    starts = np.searchsorted(pairs, np.arange(labels.max(initial=-1) + 1) << 32)  # of each class
    for block in orders.blocks(len(labels)):
        own = labels[block]
        folds[block] = (np.searchsorted(pairs, pack(own, groups[block])) - starts[own]) % FOLDS
    return folds


def large_classes(labels: np.ndarray, groups: np.ndarray, least: int) -> np.ndarray:
    """Returns the classes with images in at least `least` groups, ascending.

    Args:
        labels: int (N,); less than 0 where unknown.
        groups: int (N,); 0 or more.
        least: 1 or more.
    """
    present = unique(pack(labels, groups))
    present >>= 32  # the class of each pair
    starts = np.flatnonzero(np.append(True, present[1:] != present[:-1])[: len(present)])
    classes, counts = present[starts], np.diff(starts, append=len(present))
    return np.asarray(classes[(counts >= least) & (classes >= 0)])
