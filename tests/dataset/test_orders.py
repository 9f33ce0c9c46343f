import numpy as np
import pytest

from classifier.dataset import orders

RNG = np.random.default_rng(1)
HASHES = np.frombuffer(RNG.bytes(32 * 300), "S32")[RNG.integers(0, 300, 900)]
FOLDERS = "b\uffee\U0001f600a"  # by code points, as Python sorts
PATHS = np.array([f"input/{FOLDERS[n % 4]}/{n}.jpg" for n in RNG.permutation(900).tolist()])
ROWS = RNG.permutation(900)[:700]


@pytest.fixture(params=[10**6, 100])
def _block(request, monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", request.param)
    monkeypatch.setattr(orders, "SAMPLED", 8)


@pytest.mark.usefixtures("_block")
def test_hashes_are_numbered_in_order_whatever_the_size_of_blocks():
    first, numbers = orders.unique_hashes(HASHES, ROWS)
    _, *expected = np.unique(HASHES[ROWS], return_index=True, return_inverse=True)
    assert np.array_equal(first, expected[0]) and np.array_equal(numbers, expected[1])


@pytest.mark.usefixtures("_block")
def test_the_order_of_paths_is_pythons_whatever_the_size_of_blocks():
    for paths in (PATHS, np.char.encode(PATHS, "utf-8")):
        assert PATHS[ROWS[orders.path_order(paths, ROWS)]].tolist() == sorted(PATHS[ROWS])
    assert orders.path_order(PATHS, ROWS[:0]).tolist() == []


def test_the_inverse_of_an_order_has_its_places():
    order = RNG.permutation(50)
    assert np.array_equal(orders.inverse(order)[order], np.arange(50))


def test_true_places_are_those_of_numpy(monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", 7)
    mask = np.random.default_rng(1).random(40) < 0.3
    found = orders.true_places(mask)
    assert found.dtype == np.int32 and np.array_equal(found, np.flatnonzero(mask))
    assert np.array_equal(orders.true_places(mask, 3), np.flatnonzero(mask)[::3])
    assert len(orders.true_places(mask[:0])) == 0
