import numpy as np
import pytest

from stages.validate import external_sort
from stages.validate.external_sort import sorted_blocks

KIND = np.dtype([("value", "f8"), ("name", "i4"), ("place", "i4")])


@pytest.mark.parametrize(("size", "kinds"), [(1, 5), (30, 5), (30, 1000), (30, 1), (10**6, 5)])
def test_records_are_sorted_and_equal_ones_stay_in_order(size, kinds, monkeypatch):
    for name, value in (("SORTED", size), ("BLOCK", 16), ("SAMPLED", 4)):
        monkeypatch.setattr(external_sort, name, value)
    records = np.zeros(200, KIND)
    rng = np.random.default_rng(1)
    records["name"], records["value"] = rng.integers(0, kinds, (2, 200))
    records["place"] = np.arange(200)
    blocks = list(sorted_blocks(records, ("name", "value")))
    expected = records[np.argsort(records[["name", "value"]], kind="stable")]
    assert np.array_equal(np.concatenate(blocks), expected)
    assert (len(blocks) > 2) == (size < 200 and kinds > 1)


def test_no_records_are_one_empty_block():
    assert [len(block) for block in sorted_blocks(np.zeros(0, KIND), ("name",))] == [0]
