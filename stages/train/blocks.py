"""Goes through the images of a table in order, so that each of its files is read once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np

from classifier.common import cores, parallel

SIZE = 16_384  # images
T = TypeVar("T")
R = TypeVar("R")


def by_group(groups: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields groups and their images: SIZE images, group by group, then the next.

    Args:
        groups: int (N,), of each image; those below 0 are left out.

    Yields:
        the group, and int (n,), images.
    """
    for start in range(0, len(groups), SIZE):
        block = groups[start : start + SIZE]
        for group in np.unique(block[block >= 0]).tolist():
            yield group, start + np.flatnonzero(block == group)


def ordered_map(pool: Executor, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yields `function(item)` in order; unlike `pool.map`, few results wait at a time."""
    return parallel.bounded_map(pool, function, items, cores.count() + 1)
