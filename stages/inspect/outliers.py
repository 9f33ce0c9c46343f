"""How far images are from their nearest neighbours, compared with what is usual."""

from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders
from stages.inspect.training_neighbours import AVERAGED

THRESHOLD = 3.0  # outlier score; docs/explanation/inspection.md has its error rates
MAD_TO_SD = 1.4826  # standard deviation of a normal distribution per median absolute deviation


@dataclass(frozen=True)
class Outliers:
    """Images that are unusually far from all others.

    Attributes:
        images: int (E,), ascending.
        scores: float (E,).
    """

    images: np.ndarray
    scores: np.ndarray


NONE = Outliers(np.zeros(0, int), np.zeros(0))


def find(distances: np.ndarray, groups: Rows, n_train: int) -> Outliers:
    """Returns the images whose score is more than THRESHOLD; overwrites `distances`."""
    scores = outlier_scores(distances, groups, n_train)
    images = np.flatnonzero(scores > THRESHOLD)
    return Outliers(images, scores[images])


def outlier_scores(distances: np.ndarray, groups: Rows, n_train: int) -> np.ndarray:
    """Returns how much farther from its neighbours each image is than usual, float (N,).

    In robust standard deviations of the training images; 0 where there are too few of them. The
    result overwrites `distances`.

    Args:
        distances: float (N,), to the nearest training images.
        groups: int (N,); images of one group are copies and not counted as neighbours.
        n_train: the first rows, those that may be neighbours.
    """
    if not _are_more(groups, n_train, AVERAGED):
        distances[:] = 0
        return distances
    median = np.median(distances[:n_train])
    deviations = distances[:n_train] - median
    np.abs(deviations, out=deviations)
    spread = MAD_TO_SD * np.median(deviations, overwrite_input=True)
    distances -= median
    distances /= max(spread, 1e-12)
    return distances


def _are_more(groups: Rows, n_train: int, count: int) -> bool:
    """Tells whether the first images are of more than `count` groups."""
    found = set[int]()
    for block in orders.blocks(n_train):
        found.update(np.unique(groups[block.start : min(block.stop, n_train)]).tolist())
        if len(found) > count:
            return True
    return False
