"""Groups of training images that are copies of one another, by their hashes."""

from collections.abc import Iterator

import numpy as np

from classifier.common import connected
from classifier.dataset import features, orders
from classifier.dataset.features import FeatureTable
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.unique_images import UniqueImages


def copy_groups(
    train: FeatureTable, unique: UniqueImages, pairs: DuplicatePairs
) -> Iterator[tuple[str, str]]:
    """Yields the hash and the group of each training content that has copies, by hash.

    Copies are in one group, directly or through others; it is named after the smallest hash in it.
    """
    both = pairs.other < unique.n_train  # `one` is lower
    contents = np.concatenate([pairs.one[both], pairs.other[both]])
    _, index, place = np.unique(unique.hash_rank[contents], return_index=True, return_inverse=True)
    one, other = np.split(place, 2)
    smallest = connected.smallest(one, other, len(index))
    hashes = train.sha256[train.image_rows[unique.first[contents[index]]]]
    for block in orders.blocks(len(index)):
        own, group = hashes[block], hashes[smallest[block]]
        yield from zip(features.hex_hashes(own), features.hex_hashes(group), strict=True)
