"""Nearest neighbours by cosine similarity, in bounded memory and without comparing all pairs."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from classifier.common import cores, parallel
from classifier.common.disk_array import Rows
from classifier.common.scratch import Scratch

EXACT = 20_000  # images; more of them are compared within cells only
CELL_SIZE = 2_000  # images in a cell, on average
PROBES = 4  # cells searched for each image
LISTED = 4096  # centres of cells that are compared with an image
QUERIES = 4096  # images that are compared at once
BLOCK = 500_000  # cosines in memory at once, in each thread
SCANNED = 1_000_000  # numbers of cells that are looked through at once
SUMMED = 512  # images whose neighbours are in memory at once, in each thread
RANKED = 65_536  # candidates whose ranks are compared at once
Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def nearest(
    vectors: Rows, n_candidates: int, n_neighbors: int, rank: Rows, scratch: Scratch
) -> Iterator[Found]:
    """Yields images with their nearest neighbours, each image among its own.

    Up to EXACT candidates, every image is compared with all of them. Beyond that some candidates
    serve as cell centres; a candidate belongs to the cell of its nearest centre, and an image is
    compared with the candidates of its PROBES nearest cells (inverted lists: Jegou, Douze, Schmid
    2011). The work then grows with the number of images, not with its square; a neighbour may be
    missed, but seldom a close one.

    What is found depends neither on the order of the rows nor on the number of cores.

    Args:
        vectors: float32 (N, K), each row of length 1.
        n_candidates: the first rows, those that may be neighbours.
        n_neighbors: neighbours returned from one cell, the image itself included.
        rank: int (N,), all different; the candidates of the lowest ranks are the centres.
        scratch: for what would take memory.

    Yields:
        int (n,) rows, int (k,) the rows of a cell, int (n, m) places of the neighbours among
        these, the nearest first, and float64 (n, m) the cosines, where m is `n_neighbors` or the
        size of a smaller cell. A row comes once for each cell that was searched for it.
    """
    candidates: Rows = vectors
    units: Iterator[tuple[np.ndarray, np.ndarray]]
    if n_candidates <= EXACT:
        everything = np.arange(n_candidates)
        candidates = vectors[everything]
        units = ((rows, everything) for rows in _blocks(len(vectors)) if n_candidates)
    else:
        units = _in_cells(vectors, n_candidates, rank, scratch)

    def search(unit: tuple[np.ndarray, np.ndarray]) -> Found:
        rows, members = unit
        queries, others = vectors[rows], candidates[members]
        near = _most_similar(queries, others, n_neighbors)
        return rows, members, near, _cosines(queries, others, near)

    yield from parallel.prefetch_map(search, units, cores.count(), 2 * cores.count())


def _blocks(count: int) -> Iterator[np.ndarray]:
    return (np.arange(start, min(start + QUERIES, count)) for start in range(0, count, QUERIES))


def _in_cells(
    vectors: Rows, n_candidates: int, rank: Rows, scratch: Scratch
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields some images that search a cell, and the candidates in it, for each cell."""
    count = n_candidates // CELL_SIZE
    chosen = _lowest(rank, n_candidates, count)
    kind = np.promote_types(np.uint16, np.min_scalar_type(count))
    own, probed = scratch.array((), kind), scratch.array((), kind)
    for cells in _nearest_cells(vectors, vectors[chosen]):
        own.append(cells[: max(0, n_candidates - len(own)), 0])
        probed.append(cells.ravel())
    probes = min(PROBES, count)
    for places, members in zip(_grouped(probed, count), _grouped(own, count), strict=True):
        rows = places // probes
        for start in range(0, len(rows) if len(members) else 0, QUERIES):
            yield rows[start : start + QUERIES], members


def _lowest(rank: Rows, n_candidates: int, count: int) -> np.ndarray:
    """Returns the candidates of the lowest ranks, ascending by rank, int (count,)."""
    chosen, ranks = np.zeros(0, int), rank[:0]
    for start in range(0, n_candidates, RANKED):
        block = slice(start, min(start + RANKED, n_candidates))
        chosen = np.append(chosen, np.arange(block.start, block.stop))
        ranks = np.append(ranks, rank[block])
        order = np.argsort(ranks)[:count]
        chosen, ranks = chosen[order], ranks[order]
    return chosen


def _nearest_cells(vectors: Rows, centres: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the nearest cells of images in order, int (n, PROBES), the nearest first.

    Of more centres than LISTED, an image is compared with those that are nearest to its nearest
    centre of centres: the work grows with N times the root of the number of cells.
    """
    above = centres[: math.isqrt(len(centres))]
    listed = _most_similar(above, centres, LISTED)

    def find(rows: np.ndarray) -> np.ndarray:
        block = vectors[rows]
        own = _most_similar(block, above, 1)[:, 0]
        found = np.empty((len(rows), min(PROBES, len(centres))), np.int32)
        for one in np.unique(own).tolist():
            same = np.flatnonzero(own == one)
            cells = _most_similar(block[same], centres[listed[one]], PROBES)
            found[same] = listed[one][cells]
        return found

    yield from parallel.prefetch_map(find, _blocks(len(vectors)), cores.count(), 2 * cores.count())


def _grouped(numbers: Rows, count: int) -> Iterator[np.ndarray]:
    """Yields the places at which each number from 0 to `count` - 1 stands.

    The numbers are gone through once for about SCANNED places: the order of all would take more
    memory.
    """
    slices = [slice(start, start + SCANNED) for start in range(0, len(numbers), SCANNED)]
    sizes = sum(
        (np.bincount(numbers[one], minlength=count) for one in slices), np.zeros(count, int)
    )
    batches = np.cumsum(sizes) // SCANNED
    for first in np.unique(batches, return_index=True)[1].tolist():
        last = int(np.searchsorted(batches, batches[first], "right"))
        places = _ordered(numbers, slices, first, last)
        yield from np.split(places, np.cumsum(sizes[first : last - 1]))


def _ordered(numbers: Rows, slices: Sequence[slice], first: int, last: int) -> np.ndarray:
    """Returns the places of the numbers from `first` to below `last`, by number, int (n,)."""
    places, keys = [], []
    for one in slices:
        own = numbers[one]
        chosen = np.flatnonzero((own >= first) & (own < last))
        places.append(one.start + chosen)
        keys.append(own[chosen])
    order = np.argsort(np.concatenate(keys), kind="stable")
    return np.concatenate(places)[order]


def _most_similar(vectors: np.ndarray, candidates: np.ndarray, count: int) -> np.ndarray:
    """Returns the indices of the nearest candidates, in order, int (n, m)."""
    size, kept = max(1, BLOCK // len(candidates)), min(count, len(candidates))
    near = np.empty((len(vectors), kept), int)
    for start in range(0, len(vectors), size):
        block = slice(start, start + size)
        distances = vectors[block] @ candidates.T
        np.negative(distances, out=distances)
        best = np.argpartition(distances, kept - 1, axis=1)[:, :kept]
        order = np.argsort(np.take_along_axis(distances, best, axis=1), axis=1, kind="stable")
        near[block] = np.take_along_axis(best, order, axis=1)
    return near


def _cosines(vectors: np.ndarray, candidates: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Returns the cosines of vectors and candidates, the same bits in whatever company, (n, m)."""
    found = np.empty(near.shape)
    for start in range(0, len(vectors), SUMMED):
        block = slice(start, start + SUMMED)
        pairs = vectors[block], candidates[near[block]]
        found[block] = np.einsum("nk,nmk->nm", *pairs, dtype=np.float64)
    return found
