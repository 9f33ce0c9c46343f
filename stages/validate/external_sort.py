"""Sorting of records in a temporary file, some of them in memory at once."""

from collections.abc import Iterator, Sequence

import numpy as np

from classifier.common.disk_array import Rows

BLOCK = 65_536  # records that are read at once
SORTED = 131_072  # records that are sorted at once, about
SAMPLED = 64  # records of each block among which the bounds are found


def sorted_blocks(records: Rows, names: Sequence[str]) -> Iterator[np.ndarray]:
    """Yields records in order, some at a time; equal ones stay in the order of rows.

    All records are read once for each block that is yielded.

    Args:
        records: structured (N,).
        names: of the numeric fields to sort by, the most important first.
    """
    bounds = _bounds(records, names)
    for number in range(len(bounds) + 1):
        lower, upper = bounds[number - 1 : number], bounds[number : number + 1]
        found = [records[:0]]
        for start in range(0, len(records), BLOCK):
            block = records[start : start + BLOCK]
            chosen = np.ones(len(block), bool)
            if len(lower):
                chosen &= ~_is_less(block, lower, names)
            if len(upper):
                chosen &= _is_less(block, upper, names)
            found.append(block[chosen])
        own = np.concatenate(found)
        yield own[_order(own, names)]


def _bounds(records: Rows, names: Sequence[str]) -> np.ndarray:
    """Returns the first record of each block but the first, about; all are different."""
    step = max(1, BLOCK // SAMPLED)  # what is sampled is copied, as a view would keep its block
    blocks = (records[start : start + BLOCK] for start in range(0, len(records), BLOCK))
    sample = np.concatenate([records[:0], *(block[::step].copy() for block in blocks)])
    count = -(-len(records) // SORTED)
    chosen = np.arange(1, count) * len(sample) // max(1, count)
    return np.unique(sample[_order(sample, names)][chosen][list(names)])


def _order(records: np.ndarray, names: Sequence[str]) -> np.ndarray:
    return np.lexsort([records[name] for name in reversed(names)])


def _is_less(records: np.ndarray, bound: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Returns which records come before one, bool (n,)."""
    less, equal = np.zeros(len(records), bool), np.ones(len(records), bool)
    for name in names:
        less |= equal & (records[name] < bound[name])
        equal &= records[name] == bound[name]
    return less
