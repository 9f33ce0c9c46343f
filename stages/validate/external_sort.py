"""Sorts records that are on disk, a part at a time."""

from collections.abc import Iterator

import numpy as np

from classifier.common import records
from classifier.common.disk_array import Rows
from classifier.common.records import Records
from classifier.common.scratch import Scratch

# what is sorted by `number`, then by `value`; `row` is ascending, and decides if both are equal
KEYED = np.dtype([("number", np.int32), ("value", np.float64), ("row", np.int32)])
BLOCK = 65_536  # records that are read at once
SORTED = 131_072  # records that are sorted at once, about
SAMPLED = 64  # records sampled from each block to choose the bounds
WAITING = 4_000_000  # bytes in memory before they are written to the parts


def sorted_parts(rows: Rows, scratch: Scratch) -> Iterator[np.ndarray]:
    """Yields records in order, about SORTED at a time.

    They are read twice, and written once to a file of parts that follow each other.

    Args:
        rows: KEYED (N,).
        scratch: for the parts.
    """
    blocks = [slice(start, start + BLOCK) for start in range(0, len(rows), BLOCK)]
    step = max(1, BLOCK // SAMPLED)  # what is sampled is copied, as a view would keep its block
    sample = np.concatenate([rows[:0], *(rows[block][::step].copy() for block in blocks)])
    count = max(1, -(-len(rows) // SORTED))
    bounds = _sort(sample)[np.arange(1, count) * len(sample) // count]
    kept = Records(scratch.file(), count * records.BLOCK, sample.dtype, WAITING)
    for block in blocks:
        found = rows[block]
        kept.append(_parts(found, bounds) * records.BLOCK, found)
    yield from (_sort(found) for _, _, found in kept)


def _sort(found: np.ndarray) -> np.ndarray:
    return found[np.lexsort((found["row"], found["value"], found["number"]))]


def _parts(found: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Returns how many bounds, which are sorted, are not after each record, int (n,)."""
    keys, others = (
        one["number"] + 1j * one["value"] for one in (found, bounds)
    )  # in NumPy's order
    first, parts = (np.searchsorted(others, keys, side) for side in ("left", "right"))
    for start in np.unique(first[first < parts]).tolist():  # the key of a bound: rows decide
        same = (first == start) & (parts > start)
        equal = bounds["row"][start : parts[same][0]]
        parts[same] = start + np.searchsorted(equal, found["row"][same], "right")
    return np.asarray(parts)
