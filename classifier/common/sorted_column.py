"""The numbers of a column in ascending order, on disk."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from classifier.common.disk_array import DiskArray, Rows
from classifier.common.scratch import Scratch

BLOCK = 65_536  # numbers that are sorted at first
MERGED = 262_144  # numbers of all blocks that are merged at once, about
SAMPLED = 64  # numbers of each block, among which are the bounds of what is merged


def sort(rows: Rows, scratch: Scratch) -> DiskArray:
    """Returns the numbers in ascending order.

    Args:
        rows: (N,), none NaN.
        scratch: for the result, and for sorted blocks.
    """
    none = rows[:0]
    blocks, ordered = scratch.array((), none.dtype), scratch.array((), none.dtype)
    sample = [none]
    for start in range(0, len(rows), BLOCK):
        block = np.sort(rows[start : start + BLOCK])
        blocks.append(block)
        sample.append(block[:: max(1, BLOCK // SAMPLED)].copy())  # a view would keep the block
    bounds = _bounds(np.concatenate(sample), len(rows))
    for number, pieces in enumerate(_pieces(blocks, bounds)):
        if number % 2:  # equal to a bound, perhaps many
            for piece in pieces:
                ordered.append(piece)
        else:
            ordered.append(np.sort(np.concatenate([none, *pieces])))
    return ordered


def _bounds(sample: np.ndarray, count: int) -> np.ndarray:
    parts = max(1, -(-count // MERGED))
    return np.unique(np.sort(sample)[np.arange(1, parts) * len(sample) // parts])


def _pieces(blocks: DiskArray, bounds: np.ndarray) -> Iterator[Iterator[np.ndarray]]:
    """Yields the numbers below each bound, those equal to it, ..., and those above the last.

    They are of all blocks, each of which is ascending.
    """
    starts = range(0, len(blocks), BLOCK)
    cuts = np.empty((2 * len(bounds) + 2, len(starts)), int)
    for column, start in enumerate(starts):
        block = blocks[start : start + BLOCK]
        sides = (np.searchsorted(block, bounds, side) for side in ("left", "right"))
        cuts[:, column] = [0, *np.stack(list(sides), axis=1).ravel(), len(block)]
    for low, high in pairwise(cuts + np.array(starts, int)):
        yield (blocks[one:other] for one, other in zip(low.tolist(), high.tolist(), strict=True))


def quantile(ordered: Rows, shares: float | np.ndarray) -> np.ndarray:
    """Returns quantiles, the same bits as `np.quantile` of NumPy 2.4.

    Args:
        ordered: float (N,), ascending; N is 1 or more.
        shares: 0 to 1, one or (n,).
    """
    places = np.atleast_1d((len(ordered) - 1) * np.asarray(shares))
    below = np.floor(places).astype(int)
    found = []
    for start, rest in zip(below.tolist(), places - below, strict=True):
        one = isinstance(shares, float)  # NumPy then keeps the precision of the numbers
        found.append(np.quantile(ordered[start : start + 2], float(rest) if one else rest[None]))
    return np.squeeze(found)
