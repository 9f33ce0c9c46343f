"""The training images nearest to each image, found in one search."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import Rows
from classifier.common.records import Records
from classifier.common.scratch import Scratch
from classifier.similarity import nearest_neighbours

AVERAGED = 5  # nearest neighbours whose mean distance counts
N_NEIGHBORS = 31  # searched, for the image itself, its copies and its group are among them
NONE = 2.0  # no distance is more


@dataclass(frozen=True)
class TrainingNeighbours:
    """The result, one row per image; on disk.

    Attributes:
        distances: float (N,), mean cosine distance to the AVERAGED nearest training images that
            are no copies; up to NONE where there are fewer.
        nearest: int32 (N,), the most similar training image of another group; -1 if none was found.
    """

    distances: Rows
    nearest: Rows


def find(
    vectors: Rows,
    copies: Rows,
    groups: Rows,
    n_train: int,
    rank: Rows,
    scratch: Scratch,
) -> TrainingNeighbours:
    """Returns the nearest training images.

    Args:
        vectors: float32 (N, K), each row of length 1.
        copies: int (N,), the same for copies of one image.
        groups: int (N,), the same for images of one group.
        n_train: the first rows, the training images.
        rank: int (N,), all different, an order that does not depend on that of the rows.
        scratch: for what was found in each cell, and for the result.
    """
    kind = np.float64 if n_train <= nearest_neighbours.EXACT else np.float32  # halves the memory
    record = np.dtype([("lowest", kind, (AVERAGED,)), ("distance", kind), ("nearest", np.int32)])
    parts = Records(scratch.file(), len(vectors), record)
    search = nearest_neighbours.nearest(vectors, n_train, N_NEIGHBORS, rank, scratch)
    for rows, members, near, cosines in search:
        found = _none(len(rows), record)
        distances = (1 - cosines).astype(kind)
        is_copy = copies[members][near] == copies[rows][:, None]
        found["lowest"] = _lowest(found["lowest"], np.where(is_copy, kind(NONE), distances))
        others = groups[members][near] != groups[rows][:, None]  # the nearest first
        chosen = np.arange(len(rows)), others.argmax(axis=1)
        known = others.any(axis=1)
        found["nearest"][known] = members[near[chosen][known]]
        found["distance"][known] = distances[chosen][known]
        parts.append(rows, found)
    result = scratch.array((), kind), scratch.array((), np.int32)
    for images, places, found in parts:
        total = _none(images.stop - images.start, record)
        for some in _passes(places):
            _merge(total, places[some], found[some])
        lowest = np.sort(total["lowest"], axis=1)
        result[0].append(lowest.mean(axis=1, dtype=np.float64))
        result[1].append(total["nearest"])
    return TrainingNeighbours(*result)


def _none(count: int, record: np.dtype) -> np.ndarray:
    """Returns records of images without neighbours."""
    found = np.empty(count, record)
    found["lowest"], found["distance"], found["nearest"] = NONE, np.inf, -1
    return found


def _lowest(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the AVERAGED lowest distances of each row, in no order."""
    both = np.concatenate([one, other], axis=1)
    return np.partition(both, AVERAGED - 1, axis=1)[:, :AVERAGED]


def _passes(places: np.ndarray) -> Iterator[np.ndarray]:
    """Yields records in passes, in each of which no image comes twice: the first ones first."""
    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    first = np.searchsorted(sorted_places, sorted_places, "left")
    number = np.arange(len(order)) - first
    for one in range(int(number.max(initial=-1)) + 1):
        yield order[number == one]


def _merge(total: np.ndarray, places: np.ndarray, found: np.ndarray) -> None:
    """Adds a record each to what is known of some images."""
    total["lowest"][places] = _lowest(total["lowest"][places], found["lowest"])
    better = found["distance"] < total["distance"][places]
    for name in ("distance", "nearest"):
        total[name][places[better]] = found[name][better]
