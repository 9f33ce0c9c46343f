"""Images that are copies of one another although their bytes differ.

Features select which images to compare, perceptual hashes which look alike, and their details
whether they are copies: resized, re-compressed, mirrored, brightened or turned to grey. Cropped
and rotated copies have other hashes and are not found. `python -m benchmarks.plants` measures the
error rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier.dataset.groups import representatives
from classifier.images import perceptual_hash
from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import normalize

MAX_DISTANCE = 0.15  # between hashes; planted copies: 0.10 or less, different images: about 0.30
N_NEIGHBORS = 11  # by features, the image itself included


@dataclass(frozen=True)
class DuplicatePairs:
    """Pairs of copies, each pair once.

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


def find_pairs(values: np.ndarray, hashes: np.ndarray) -> DuplicatePairs:
    """Returns the pairs of images that are copies of one another.

    Args:
        values: float32 (N, K), features along principal components, each scaled to variance 1.
        hashes: uint8 (N, 32), perceptual hashes.
    """
    copies = [np.empty((0, 2), int)]
    for rows, near in nearest_neighbours.nearest(normalize(values), len(values), N_NEIGHBORS):
        pairs = np.stack([np.repeat(rows, near.shape[1]), near.ravel()], axis=1)
        pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
        distances = perceptual_hash.hash_distance(*hashes[pairs.T])
        copies.append(pairs[np.minimum(*distances) <= MAX_DISTANCE])
    one, other = np.unique(np.concatenate(copies), axis=0).T
    upright, mirrored = perceptual_hash.hash_distance(hashes[one], hashes[other])
    return DuplicatePairs(one, other, np.minimum(upright, mirrored), mirrored < upright)


def merge_groups(groups: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Returns groups, int (N,), of which those that share a name are one.

    Args:
        groups: int (N,).
        names: of the first images' groups in input/labels.csv; empty without.
    """
    if not any(names):
        return groups
    keys = [f"{group:020}" for group in groups.tolist()]
    members = [(key, *([f"#{n}"] if n else [])) for key, n in zip(keys, names, strict=False)]
    merged = representatives((*members, *((key,) for key in keys[len(names) :])))
    number = dict(zip(keys, groups.tolist(), strict=True))
    lowest: dict[str, int] = {}
    for key in keys:
        lowest[merged[key]] = min(number[key], lowest.get(merged[key], number[key]))
    return np.array([lowest[merged[key]] for key in keys])


def group_duplicates(pairs: DuplicatePairs, group_ids: np.ndarray) -> np.ndarray:
    """Returns a group for each image, int (N,), the same for copies of one image.

    Args:
        pairs: of copies.
        group_ids: int (N,), the groups of images without copies; all different.
    """
    groups = group_ids.copy()
    for one, other in zip(pairs.one.tolist(), pairs.other.tolist(), strict=True):
        groups[other] = groups[one]
    return groups
