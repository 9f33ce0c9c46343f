"""Nearest neighbours by cosine similarity, in bounded memory and without comparing all pairs."""

from collections.abc import Iterator

import numpy as np

EXACT = 20_000  # images; more of them are compared within cells only
CELL_SIZE = 2_000  # images in a cell, on average
PROBES = 4  # cells searched for each image
BLOCK = 8_000_000  # cosines in memory at once


def nearest(
    vectors: np.ndarray, n_candidates: int, n_neighbors: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images with their nearest neighbours, each image among its own.

    Up to EXACT candidates, every image is compared with all of them. Beyond that some candidates
    serve as cell centres; a candidate belongs to the cell of its nearest centre, and an image is
    compared with the candidates of its PROBES nearest cells (inverted lists: Jegou, Douze, Schmid
    2011). The work then grows with the number of images, not with its square; a neighbour may be
    missed, but seldom a close one.

    Args:
        vectors: float32 (N, K), each row of length 1.
        n_candidates: the first rows, those that may be neighbours.
        n_neighbors: neighbours returned from one cell, the image itself included.

    Yields:
        int (n,) rows and int (n, m) their neighbours, where m is `n_neighbors` or the size of a
        smaller cell. A row comes once for each cell that was searched for it.
    """
    if n_candidates <= EXACT:
        yield from _search(vectors, np.arange(len(vectors)), np.arange(n_candidates), n_neighbors)
        return
    centres = vectors[np.linspace(0, n_candidates - 1, n_candidates // CELL_SIZE).astype(int)]
    probed = np.concatenate([cells for _, cells in _blocks(vectors, centres, PROBES)])
    order = np.argsort(probed[:n_candidates, 0], kind="stable")
    bounds = np.searchsorted(probed[order, 0], np.arange(len(centres) + 1))
    for cell in range(len(centres)):
        members = order[bounds[cell] : bounds[cell + 1]]
        queries = np.flatnonzero((probed == cell).any(axis=1))
        yield from _search(vectors, queries, members, n_neighbors)


def _search(
    vectors: np.ndarray, queries: np.ndarray, members: np.ndarray, n_neighbors: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields a block of the queries at a time, with the members nearest to each."""
    for rows, neighbors in _blocks(vectors[queries], vectors[members], n_neighbors):
        yield queries[rows], members[neighbors]


def _blocks(
    vectors: np.ndarray, candidates: np.ndarray, n_neighbors: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields a block of rows at a time, with the indices of the nearest candidates in order."""
    size, kept = max(1, BLOCK // max(1, len(candidates))), min(n_neighbors, len(candidates))
    for start in range(0, len(vectors) if kept else 0, size):
        distances = -vectors[start : start + size] @ candidates.T
        best = np.argpartition(distances, kept - 1, axis=1)[:, :kept]
        order = np.argsort(np.take_along_axis(distances, best, axis=1), axis=1, kind="stable")
        yield slice(start, start + len(distances)), np.take_along_axis(best, order, axis=1)
