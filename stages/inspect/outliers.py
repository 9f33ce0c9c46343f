"""How strange images are: how far from those most like them, compared with what is usual."""

import numpy as np

from classifier.similarity import nearest_neighbours

NEAREST = 5  # images whose mean distance counts
COUNT = 11  # looked at, for among them are the image itself and its copies
NORMAL = 1.4826  # standard deviations in a median absolute deviation, of a normal distribution


def outlier_scores(values: np.ndarray, groups: np.ndarray, among: int) -> np.ndarray:
    """Returns how much farther from others each image is than usual, float64 (N,).

    In robust standard deviations of the images among which neighbours are looked for; 0 where
    these are too few.

    Args:
        values: float32 (N, K), features, each row of length 1.
        groups: int (N,); images of one group, copies of each other, are no neighbours.
        among: how many, the first, may be neighbours.
    """
    near = np.full((len(values), NEAREST), -1.0)  # cosines, the highest last
    for rows, others in nearest_neighbours.nearest(values, among, COUNT):
        cosines = np.einsum("nk,nmk->nm", values[rows], values[others], dtype=np.float64)
        cosines[groups[rows][:, None] == groups[others]] = -1.0
        both = np.concatenate([near[rows], cosines], axis=1)
        near[rows] = np.sort(both, axis=1)[:, -NEAREST:]
    if len(np.unique(groups[:among])) <= NEAREST:
        return np.zeros(len(values))
    far = 1 - near.mean(axis=1)
    middle = np.median(far[:among])
    spread = NORMAL * np.median(np.abs(far[:among] - middle))
    return np.asarray((far - middle) / max(spread, 1e-12))
