"""The training images nearest to each image, found in one search."""

from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import Rows
from classifier.similarity import nearest_neighbours

AVERAGED = 5  # nearest neighbours whose mean distance counts
N_NEIGHBORS = 31  # searched, for the image itself, its copies and its group are among them


@dataclass(frozen=True)
class TrainingNeighbours:
    """The result, one row per image.

    Attributes:
        distances: float64 (N,), mean cosine distance to the AVERAGED nearest training images that
            are no copies; up to 2 where there are fewer.
        nearest: int32 (N,), the most similar training image of another group; -1 if none was found.
    """

    distances: np.ndarray
    nearest: np.ndarray


def find(
    vectors: Rows, copies: np.ndarray, groups: np.ndarray, n_train: int, rank: np.ndarray
) -> TrainingNeighbours:
    """Returns the nearest training images.

    Args:
        vectors: float32 (N, K), each row of length 1.
        copies: int (N,), the same for copies of one image.
        groups: int (N,), the same for images of one group.
        n_train: the first rows, the training images.
        rank: int (N,), all different, an order that does not depend on that of the rows.
    """
    count = len(vectors)
    kind = np.float64 if n_train <= nearest_neighbours.EXACT else np.float32  # halves the memory
    lowest = np.full((count, AVERAGED), 2, kind)  # distances
    nearest, closest = np.full(count, -1, np.int32), np.full(count, np.inf, kind)
    for rows, near, cosines in nearest_neighbours.nearest(vectors, n_train, N_NEIGHBORS, rank):
        is_copy = copies[near] == copies[rows][:, None]
        distances = (1 - cosines).astype(kind)
        both = np.concatenate([lowest[rows], np.where(is_copy, kind(2), distances)], axis=1)
        lowest[rows] = np.partition(both, AVERAGED - 1, axis=1)[:, :AVERAGED]
        others = groups[near] != groups[rows][:, None]  # the nearest first
        chosen = np.arange(len(rows)), others.argmax(axis=1)
        better = others.any(axis=1) & (distances[chosen] < closest[rows])
        nearest[rows[better]] = near[chosen][better]
        closest[rows[better]] = distances[chosen][better]
    lowest.sort(axis=1)
    return TrainingNeighbours(lowest.mean(axis=1, dtype=np.float64), nearest)
