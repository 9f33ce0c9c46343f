"""Which numbers are connected, by others or directly."""

import numpy as np


def smallest(one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """Returns the smallest number that each of 0 to `size` - 1 is connected with, also by others.

    Args:
        one: int (E,), one end of each connection.
        other: int (E,), the other end.
        size: how many numbers there are.
    """
    found, before = np.arange(size, dtype=np.int32), np.zeros(0, np.int32)
    while not np.array_equal(found, before):
        before = found.copy()
        low = np.minimum(found[one], found[other])
        np.minimum.at(found, one, low)
        np.minimum.at(found, other, low)
        found = found[found]
    return found
