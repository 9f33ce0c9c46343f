import tempfile
from pathlib import Path

import numpy as np

from classifier.common.scratch import Scratch
from classifier.similarity.pca import PCA
from stages.inspect import near_duplicates
from stages.inspect.near_duplicates import DuplicatePairs, group_duplicates

RNG = np.random.default_rng(1)
VALUES = RNG.normal(size=(40, 8)).astype(np.float32)
HASHES = RNG.integers(0, 256, (40, 32), np.uint8) & np.array([0x7F, *[0xFF] * 31], np.uint8)


def find_pairs(values: np.ndarray, hashes: np.ndarray) -> DuplicatePairs:
    with Scratch(Path(tempfile.gettempdir())) as scratch:
        return near_duplicates.find_pairs(values, hashes, np.arange(len(values)), scratch)


def find(values: np.ndarray, hashes: np.ndarray) -> list[tuple[int, int]]:
    pairs = find_pairs(values, hashes)
    return list(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True))


def planted(flips: int) -> tuple[np.ndarray, np.ndarray]:
    """Makes 7 a copy of 3, with some bits of its hash flipped."""
    values, hashes = VALUES.copy(), HASHES.copy()
    values[7], bits = values[3] + 0.01, np.unpackbits(hashes[3])
    bits[100 : 100 + flips] ^= 1
    hashes[7] = np.packbits(bits)
    return values, hashes


def test_a_pair_is_found_once():
    assert find(*planted(0)) == [(3, 7)]
    assert find_pairs(*planted(30)).distance.tolist() == [30 / 255]


def test_both_features_and_hashes_must_be_similar():
    assert find(*planted(60)) == []
    values, hashes = planted(0)
    values[7] = -values[3]
    assert find(values, hashes) == []


def test_copies_are_found_among_fewer_images_than_there_are_components():
    features = np.random.default_rng(2).gamma(1.0, size=(40, 300)).astype(np.float32)
    features[7] = features[3] + np.random.default_rng(3).normal(0, 0.1, 300)
    pca, rows = PCA.fit(features, np.arange(40)), np.arange(40)
    scaled = near_duplicates.scale_components(pca.transform(features, rows), pca.scales, 40)
    assert find(scaled, planted(0)[1]) == [(3, 7)]
    assert scaled.shape == (40, 20)


def test_different_images_one_image_and_no_image_have_no_pairs():
    assert find(VALUES, HASHES) == []
    assert find(VALUES[:1], HASHES[:1]) == find(VALUES[:0], HASHES[:0]) == []


def test_copies_of_copies_are_one_group():
    pairs = DuplicatePairs(np.array([0, 1]), np.array([1, 3]), np.zeros(2), np.zeros(2, bool))
    assert group_duplicates(pairs, np.array([9, 5, 7, 2])).tolist() == [9, 9, 7, 9]


def test_groups_that_share_a_name_are_merged():
    groups = np.array([5, 3, 3, 8, 2, 9])
    assert near_duplicates.merge_groups(groups, np.full(4, -1)) is groups
    merged = near_duplicates.merge_groups(groups, np.array([0, -1, 1, 0, 1]))
    assert merged.tolist() == [5, 2, 2, 5, 2, 9]
