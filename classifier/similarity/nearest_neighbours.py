"""Which images have similar features: only these need be looked at as copies of one another."""

from collections.abc import Iterator

import numpy as np

EXACT = 20_000  # images; of more, only those of like cells are compared
CELL = 2_000  # images of a cell, on average
PROBES = 4  # cells in which an image is looked for
BLOCK = 8_000_000  # cosines in memory at once


def nearest(values: np.ndarray, among: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images with those nearest to them by cosine, themselves among these.

    Up to EXACT images each is compared with all. Of more, some serve as centres, each image
    belongs to the cell of the centre nearest to it and is looked for in the PROBES cells nearest
    to it (inverted lists: Jegou, Douze, Schmid 2011). So the work grows with the images, not
    with their square, and a neighbour may be missed, though seldom a close one.

    Args:
        values: float32 (N, K), each row of length 1.
        among: how many, the first, may be neighbours.
        count: neighbours of an image in a cell, itself included.

    Yields:
        int (n,) rows and int (n, m) their neighbours, m `count` or, in a small cell, fewer. A row
        comes once for every cell that it is looked for in.
    """
    if among <= EXACT:
        yield from _among(values, np.arange(len(values)), np.arange(among), count)
        return
    centres = values[np.linspace(0, among - 1, among // CELL).astype(int)]
    probed = np.concatenate([best for _, best in _blocks(values, centres, PROBES)])
    order = np.argsort(probed[:among, 0], kind="stable")
    ends = np.searchsorted(probed[order, 0], np.arange(len(centres) + 1))
    for cell in range(len(centres)):
        members = order[ends[cell] : ends[cell + 1]]
        asking = np.flatnonzero((probed == cell).any(axis=1))
        yield from _among(values, asking, members, count)


def _among(
    values: np.ndarray, asking: np.ndarray, members: np.ndarray, count: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields some of the rows asking, and the members nearest to each."""
    for rows, best in _blocks(values[asking], values[members], count):
        yield asking[rows], members[best]


def _blocks(
    values: np.ndarray, among: np.ndarray, count: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields which rows, and the `count` of `among` nearest to each, the nearest first."""
    size, count = max(1, BLOCK // max(1, len(among))), min(count, len(among))
    for at in range(0, len(values) if count else 0, size):
        far = -values[at : at + size] @ among.T
        best = np.argpartition(far, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(far, best, axis=1), axis=1, kind="stable")
        yield slice(at, at + len(far)), np.take_along_axis(best, order, axis=1)
