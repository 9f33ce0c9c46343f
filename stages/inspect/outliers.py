"""How far images are from their nearest neighbours, compared with what is usual."""

from dataclasses import dataclass

import numpy as np

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


def find(distances: np.ndarray, groups: np.ndarray, n_train: int) -> Outliers:
    """Returns the images whose score is more than THRESHOLD."""
    scores = outlier_scores(distances, groups, n_train)
    images = np.flatnonzero(scores > THRESHOLD)
    return Outliers(images, scores[images])


def outlier_scores(distances: np.ndarray, groups: np.ndarray, n_train: int) -> np.ndarray:
    """Returns how much farther from its neighbours each image is than usual, float (N,).

    In robust standard deviations of the training images; 0 where there are too few of them.

    Args:
        distances: float (N,), to the nearest training images.
        groups: int (N,); images of one group are copies and not counted as neighbours.
        n_train: the first rows, those that may be neighbours.
    """
    if len(np.unique(groups[:n_train])) <= AVERAGED:
        return np.zeros_like(distances)
    median = np.median(distances[:n_train])
    spread = MAD_TO_SD * np.median(np.abs(distances[:n_train] - median))
    scores = distances - median
    scores /= max(spread, 1e-12)
    return scores
