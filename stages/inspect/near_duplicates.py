"""Images that are copies of one another although their bytes differ.

Features select which images to compare, perceptual hashes which look alike, and their details
whether they are copies: resized, re-compressed, mirrored, brightened or turned to grey. Cropped
and rotated copies have other hashes and are not found. `python -m benchmarks.plants` measures the
error rates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from classifier.common import connected
from classifier.common.disk_array import ComputedRows, Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders
from classifier.images import perceptual_hash
from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import normalize
from stages.inspect.unique_keys import pack, unique

MAX_DISTANCE = 0.15  # between hashes; planted copies: 0.10 or less, different images: about 0.30
N_NEIGHBORS = 11  # by features, the image itself included


@dataclass(frozen=True)
class DuplicatePairs:
    """Pairs of copies, each pair once, in ascending order.

    Attributes:
        one: int (M,), rows.
        other: int (M,), rows, each higher than that of `one`.
        distance: float (M,), fraction of the hash bits that differ.
        mirrored: bool (M,), whether one is the mirror image of the other.
    """

    one: np.ndarray
    other: np.ndarray
    distance: np.ndarray
    mirrored: np.ndarray

    def __getitem__(self, chosen: slice | np.ndarray) -> "DuplicatePairs":
        """Returns some of the pairs."""
        return DuplicatePairs(*(column[chosen] for column in vars(self).values()))

    def __iter__(self) -> Iterator[tuple[int, int, float, bool]]:
        """Yields the pairs."""
        for block in orders.blocks(len(self.one)):
            columns = (column[block].tolist() for column in vars(self).values())
            yield from zip(*columns, strict=True)


def scale_components(values: np.ndarray, scales: np.ndarray, n_fitted: int) -> np.ndarray:
    """Returns the first principal components, each scaled to variance 1, float32 (N, L).

    At most half as many as images: along n - 1 components of equal variance, n images are equally
    far from each other, whether copies or not.

    Args:
        values: float32 (N, K), features along principal components.
        scales: float64 (K,), standard deviation along each.
        n_fitted: number of images that the components are of.
    """
    kept = max(1, n_fitted // 2)
    return np.asarray(values[:, :kept] / scales[:kept].astype(np.float32))


def find_pairs(values: Rows, hashes: Rows, rank: Rows, scratch: Scratch) -> DuplicatePairs:
    """Returns the pairs of images that are copies of one another.

    Args:
        values: float32 (N, K), features along principal components, each scaled to variance 1.
        hashes: uint8 (N, 32), perceptual hashes.
        rank: int (N,), all different, an order that does not depend on that of the rows.
        scratch: for the search.
    """
    found, vectors = [np.zeros(0, int)], ComputedRows(values, normalize)
    search = nearest_neighbours.nearest(vectors, len(values), N_NEIGHBORS, rank, scratch)
    for rows, members, near, _ in search:
        own = np.repeat(hashes[rows], near.shape[1], axis=0)
        distances = perceptual_hash.hash_distance(own, hashes[members][near.ravel()])
        one, other = np.repeat(rows, near.shape[1]), members[near.ravel()]
        alike = (np.minimum(*distances) <= MAX_DISTANCE) & (one != other)
        low, high = np.minimum(one, other)[alike], np.maximum(one, other)[alike]
        found.append(unique(pack(low, high)))
    keys = np.concatenate(found)
    del found
    keys = unique(keys)
    one, other = (keys >> 32).astype(np.int32), keys.astype(np.int32)
    distance, is_mirrored = np.empty(len(keys)), np.empty(len(keys), bool)
    for block in orders.blocks(len(keys)):
        upright, mirrored = perceptual_hash.hash_distance(hashes[one[block]], hashes[other[block]])
        distance[block], is_mirrored[block] = np.minimum(upright, mirrored), mirrored < upright
    return DuplicatePairs(one, other, distance, is_mirrored)


def merge_groups(groups: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Returns groups, int (N,), of which those that share a name are one, the lowest of them.

    Args:
        groups: int (N,).
        names: int (M,), the number of the first images' groups in images.csv; -1: none.
    """
    named = np.flatnonzero(names >= 0)
    if not len(named):
        return groups
    numbers, group = np.unique(groups, return_inverse=True)
    name = len(numbers) + np.unique(names[named], return_inverse=True)[1]
    smallest = connected.smallest(group[named], name, int(name.max()) + 1)
    return np.asarray(numbers[smallest[group]])


def group_duplicates(pairs: DuplicatePairs, group_ids: np.ndarray) -> np.ndarray:
    """Returns a group for each image, int (N,), the same for copies of one image.

    Args:
        pairs: of copies.
        group_ids: int (N,), the groups of images without copies; all different.
    """
    groups = np.array(group_ids)
    for one, other, _, _ in pairs:
        groups[other] = groups[one]
    return groups
