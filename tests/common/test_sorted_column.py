import numpy as np
import pytest

from classifier.common import sorted_column

KINDS = pytest.mark.parametrize("kind", ["f4", "f8"])


def numbers(count: int, kind: str) -> np.ndarray:
    """Returns numbers, some of them equal and half of them 1."""
    values = np.random.default_rng(count).normal(size=count).round(2)
    return np.where(np.arange(count) % 2, 1, values).astype(kind)


@KINDS
@pytest.mark.parametrize("count", [0, 1, 33, 1000])
def test_numbers_come_in_ascending_order(count, kind, scratch, monkeypatch):
    monkeypatch.setattr(sorted_column, "BLOCK", 33)
    monkeypatch.setattr(sorted_column, "MERGED", 100)
    values = numbers(count, kind)
    ordered = sorted_column.sort(scratch.keep(values), scratch)
    assert ordered.dtype == kind and np.array_equal(ordered[:], np.sort(values))


@KINDS
@pytest.mark.parametrize("count", [1, 2, 1000])
@pytest.mark.parametrize("shares", [0.99, np.array([0.2, 0.5, 1])])
def test_quantiles_are_those_of_numpy(shares, count, kind, scratch):
    values = numbers(count, kind)
    found = sorted_column.quantile(scratch.keep(np.sort(values)), shares)
    expected = np.quantile(values, shares)
    assert found.dtype == expected.dtype and np.array_equal(found, expected)
