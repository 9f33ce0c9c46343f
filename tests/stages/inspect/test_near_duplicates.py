import numpy as np

from stages.inspect import near_duplicates

RNG = np.random.default_rng(1)
VALUES = RNG.normal(size=(40, 8)).astype(np.float32)
SEEN = RNG.integers(0, 256, (40, 32), np.uint8) & np.array([0x7F, *[0xFF] * 31], np.uint8)


def found(values: np.ndarray, seen: np.ndarray) -> list[tuple[int, int]]:
    pairs = near_duplicates.find_pairs(values, seen)
    return list(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True))


def planted(flips: int) -> tuple[np.ndarray, np.ndarray]:
    """Makes 7 a copy of 3, with some bits of its look changed."""
    values, seen = VALUES.copy(), SEEN.copy()
    values[7], bits = values[3] + 0.01, np.unpackbits(seen[3])
    bits[100 : 100 + flips] ^= 1
    seen[7] = np.packbits(bits)
    return values, seen


def test_a_pair_is_found_once():
    assert found(*planted(0)) == [(3, 7)]
    assert near_duplicates.find_pairs(*planted(30)).apart.tolist() == [30 / 255]


def test_it_takes_both_features_and_looks():
    assert found(*planted(60)) == []
    values, seen = planted(0)
    values[7] = -values[3]
    assert found(values, seen) == []


def test_nothing_is_alike_in_nothing():
    assert found(VALUES, SEEN) == found(VALUES[:0], SEEN[:0]) == found(VALUES[:1], SEEN[:1]) == []
