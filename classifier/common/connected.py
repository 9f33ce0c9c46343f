"""Which numbers are connected, by others or directly."""

import numpy as np


def smallest(one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """Returns the smallest number that each of 0 to `size` - 1 is connected with.

    Numbers are connected directly or through others.

    Args:
        one: int (E,), one end of each connection.
        other: int (E,), the other end.
        size: how many numbers there are.
    """
    found, before = np.arange(size, dtype=np.int32), np.zeros(0, np.int32)
    while not np.array_equal(found, before):
        before = found.copy()
        roots = found[one], found[other]
        low = np.minimum(*roots)
        for lowered in (one, other, *roots):  # with the roots, a chain takes few rounds
            np.minimum.at(found, lowered, low)
        found = found[found]
    return found
