"""How many labels are probably wrong: confident learning (Northcutt, Jiang, Chuang 2021).

A class is confident of an image if it is as probable there as it is, on average, for the images
that bear its name; a label is doubted where the most probable of the confident classes is another
one. Unlike there, a class never has to be surer than SURE: where classes are far apart, all are so
sure of their own that a single wrong label would pass.
"""

from collections.abc import Iterable

import numpy as np

SURE = 0.9


def thresholds(
    judged: Iterable[tuple[np.ndarray, np.ndarray]], labels: np.ndarray, classes: int
) -> np.ndarray:
    """Returns how probable each class has to be to be confident of an image.

    That is as probable as it is, on average, for those that bear its name, or SURE.

    Args:
        judged: rows, and the probabilities of all classes for each, float (n, C); all rows once.
        labels: int (N,), with images of each class.
        classes: their number.

    Returns:
        float64 (C,).
    """
    total = np.zeros(classes)
    for rows, chances in judged:
        own = chances[np.arange(len(rows)), labels[rows]]
        total += np.bincount(labels[rows], own, classes)
    return np.minimum(total / np.bincount(labels, minlength=classes), SURE)


def doubted(chances: np.ndarray, labels: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Returns which labels are doubted, bool (N,).

    Args:
        chances: float (N, C).
        labels: int (N,).
        least: float (C,), how probable a confident class is.
    """
    confident = np.where(chances >= least, chances, -1.0)
    return np.asarray((confident.max(axis=1) > 0) & (confident.argmax(axis=1) != labels))
