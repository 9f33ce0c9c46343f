"""Which labels are probably wrong: confident learning (Northcutt, Jiang, Chuang 2021).

A class is confident about an image if it is at least as probable there as it is, on average, for
the images with its label. A label is an error where the most probable confident class is another
one. Unlike in the paper, the average is capped at MAX_THRESHOLD: where classes are far apart, all
averages are so high that a single wrong label would pass.
"""

from collections.abc import Iterable

import numpy as np

MAX_THRESHOLD = 0.9


def thresholds(
    predictions: Iterable[tuple[np.ndarray, np.ndarray]], labels: np.ndarray, n_classes: int
) -> np.ndarray:
    """Returns the probability from which on each class is confident about an image.

    Args:
        predictions: rows, and their probabilities, float (n, C); each row once, and some of every
            class.
        labels: int (N,).
        n_classes: C.

    Returns:
        float64 (C,).
    """
    total, images = np.zeros(n_classes), np.zeros(n_classes)
    for rows, probabilities in predictions:
        of_label = probabilities[np.arange(len(rows)), labels[rows]]
        total += np.bincount(labels[rows], of_label, n_classes)
        images += np.bincount(labels[rows], minlength=n_classes)
    return np.minimum(total / images, MAX_THRESHOLD)


def is_error(probabilities: np.ndarray, labels: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Returns whether another class than the label is confident, bool (N,).

    Args:
        probabilities: float (N, C).
        labels: int (N,).
        thresholds: float (C,).
    """
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    return np.asarray((confident.max(axis=1) > 0) & (confident.argmax(axis=1) != labels))
