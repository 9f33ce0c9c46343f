"""How far images are from their nearest neighbours, compared with what is usual."""

import numpy as np

from classifier.similarity import nearest_neighbours

THRESHOLD = 3.0  # outlier score; docs/explanation/inspection.md has its error rates
AVERAGED = 5  # nearest neighbours whose mean distance counts
N_NEIGHBORS = 11  # searched, for the image itself and its copies are among them
MAD_TO_SD = 1.4826  # standard deviation of a normal distribution per median absolute deviation


def outlier_scores(vectors: np.ndarray, groups: np.ndarray, n_train: int) -> np.ndarray:
    """Returns how much farther from its neighbours each image is than usual, float64 (N,).

    In robust standard deviations of the training images; 0 where there are too few of them.

    Args:
        vectors: float32 (N, K), features, each row of length 1.
        groups: int (N,); images of one group are copies and not counted as neighbours.
        n_train: the first rows, those that may be neighbours.
    """
    cosines = np.full((len(vectors), AVERAGED), -1.0)  # the highest last
    for rows, near in nearest_neighbours.nearest(vectors, n_train, N_NEIGHBORS):
        found = np.einsum("nk,nmk->nm", vectors[rows], vectors[near], dtype=np.float64)
        found[groups[rows][:, None] == groups[near]] = -1.0
        both = np.concatenate([cosines[rows], found], axis=1)
        cosines[rows] = np.sort(both, axis=1)[:, -AVERAGED:]
    if len(np.unique(groups[:n_train])) <= AVERAGED:
        return np.zeros(len(vectors))
    distances = 1 - cosines.mean(axis=1)
    median = np.median(distances[:n_train])
    spread = MAD_TO_SD * np.median(np.abs(distances[:n_train] - median))
    return np.asarray((distances - median) / max(spread, 1e-12))
