"""Images that are copies of one another though their bytes differ: by features, then by looks.

Features say which images to compare, looks whether they are copies: resized, compressed anew,
mirrored, made brighter or grey. Copies that were cropped or turned have other looks and are not
found. The error rates are those of `python -m benchmarks.plants`.
"""

from dataclasses import dataclass

import numpy as np

from classifier.images import perceptual_hash
from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import unit

ALIKE = 0.15  # of the looks' bits may differ; planted copies: 0.10 or less, other images: 0.30
COUNT = 11  # nearest by features, the image itself included


@dataclass(frozen=True)
class Pairs:
    """Copies, each pair once.

    Attributes:
        one: int (M,), rows.
        other: int (M,), rows, higher than those of `one`.
        apart: float (M,), share of the looks' bits that differ.
        mirrored: bool (M,), whether it is the mirror image that is alike.
    """

    one: np.ndarray
    other: np.ndarray
    apart: np.ndarray
    mirrored: np.ndarray


def find_pairs(values: np.ndarray, seen: np.ndarray) -> Pairs:
    """Returns the pairs of images that are copies of one another.

    Args:
        values: float32 (N, K), features along principal axes, each scaled to variance 1.
        seen: uint8 (N, 32), looks.
    """
    found = [np.empty((0, 2), int)]
    for rows, near in nearest_neighbours.nearest(unit(values), len(values), COUNT):
        both = np.stack([np.repeat(rows, near.shape[1]), near.ravel()], axis=1)
        both = np.sort(both[both[:, 0] != both[:, 1]], axis=1)
        found.append(both[np.minimum(*perceptual_hash.hash_distance(*seen[both.T])) <= ALIKE])
    one, other = np.unique(np.concatenate(found), axis=0).T
    straight, mirrored = perceptual_hash.hash_distance(seen[one], seen[other])
    return Pairs(one, other, np.minimum(straight, mirrored), mirrored < straight)
