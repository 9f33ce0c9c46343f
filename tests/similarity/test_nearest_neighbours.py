import tempfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from classifier.common.scratch import Scratch
from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import normalize


def blobs(count: int, centres: int = 40) -> np.ndarray:
    rng = np.random.default_rng(1)
    middles = rng.normal(size=(centres, 16))
    values = middles[rng.integers(0, centres, count)] + rng.normal(0, 0.3, (count, 16))
    return normalize(values).astype(np.float32)


def search(values: np.ndarray, n_candidates: int, count: int, rank: np.ndarray | None = None):
    rank = np.arange(len(values)) if rank is None else rank
    with Scratch(Path(tempfile.gettempdir())) as scratch:
        found = nearest_neighbours.nearest(values, n_candidates, count, rank, scratch)
        yield from ((rows, members[near], cosines) for rows, members, near, cosines in found)


def neighbours_of(values: np.ndarray, count: int) -> dict[int, set[int]]:
    near: dict[int, set[int]] = {row: set() for row in range(len(values))}
    for rows, others, cosines in search(values, len(values), count):
        assert np.allclose(cosines, (values[rows][:, None] * values[others]).sum(axis=2), atol=1e-5)
        for row, neighbours in zip(rows.tolist(), others.tolist(), strict=True):
            near[row] |= set(neighbours)
    return near


def oracle(values: np.ndarray, count: int) -> list[set[int]]:
    rows = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(values).kneighbors()[1]
    return [set(row) for row in rows.tolist()]


@pytest.mark.parametrize("block", [1, 1000, 10**6])
def test_few_images_are_all_compared_with_each_other(block, monkeypatch):
    monkeypatch.setattr(nearest_neighbours, "BLOCK", block)
    monkeypatch.setattr(nearest_neighbours, "QUERIES", 100)
    values = blobs(300)
    near = neighbours_of(values, 6)
    for row, others in enumerate(oracle(values, 5)):
        assert near[row] == others | {row}


def test_among_many_images_nearly_all_neighbours_are_found_in_cells(monkeypatch):
    monkeypatch.setattr(nearest_neighbours, "EXACT", 1000)
    monkeypatch.setattr(nearest_neighbours, "CELL_SIZE", 200)
    values = blobs(4000)
    near = neighbours_of(values, 6)
    expected = enumerate(oracle(values, 5))
    assert np.mean([len(near[row] & others) / 5 for row, others in expected]) > 0.95
    queries = sum(len(rows) for rows, _, _ in search(values, 4000, 6))
    assert queries <= nearest_neighbours.PROBES * 4000


def test_fewer_images_than_neighbours_are_all_returned():
    assert neighbours_of(blobs(3), 6) == {0: {0, 1, 2}, 1: {0, 1, 2}, 2: {0, 1, 2}}
    assert neighbours_of(blobs(0), 6) == {}


def test_only_candidates_are_returned_as_neighbours():
    values = blobs(300)
    near = [set(row) for row in next(search(values, 200, 4))[1].tolist()]
    exact = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(values[:200])
    assert near == [set(row) for row in exact.kneighbors(values)[1].tolist()]


@pytest.fixture
def small_cells(monkeypatch):
    for name, value in (("EXACT", 1000), ("CELL_SIZE", 20), ("LISTED", 50)):
        monkeypatch.setattr(nearest_neighbours, name, value)


def test_of_many_cells_those_near_the_nearest_centre_of_centres_are_searched(small_cells):
    values = blobs(4000)  # 200 cells
    near = neighbours_of(values, 2)
    expected = enumerate(oracle(values, 1))
    assert np.mean([others <= near[row] for row, others in expected]) > 0.85


def test_neither_the_order_of_rows_nor_the_number_of_cores_changes_neighbours(
    small_cells, monkeypatch
):
    values, order = blobs(2000), np.random.default_rng(2).permutation(2000)
    before = neighbours_of(values, 3)
    monkeypatch.setattr(nearest_neighbours.cores, "count", lambda: 5)
    monkeypatch.setattr(nearest_neighbours, "SCANNED", 300)
    moved = search(values[order], 2000, 3, order)
    after: dict[int, set[int]] = {row: set() for row in range(2000)}
    for rows, others, _ in moved:
        for row, neighbours in zip(order[rows].tolist(), order[others].tolist(), strict=True):
            after[row] |= set(neighbours)
    assert after == before


def test_ranks_may_be_on_disk(small_cells, tmp_path):
    values, rank = blobs(2000), np.random.default_rng(2).permutation(2000)
    with Scratch(tmp_path) as scratch:
        found = list(search(values, 2000, 3, scratch.keep(rank)))
    for one, other in zip(found, search(values, 2000, 3, rank), strict=True):
        assert all(map(np.array_equal, one, other))
