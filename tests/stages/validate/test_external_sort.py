import numpy as np
import pytest

from classifier.common import records
from classifier.common.scratch import Scratch
from stages.validate import external_sort
from stages.validate.external_sort import KEYED, sorted_parts


def draw(count, kinds):
    """Returns records with keys of so many kinds."""
    found = np.zeros(count, KEYED)
    found["number"], found["value"] = np.random.default_rng(1).integers(-3, kinds, (2, count))
    found["row"] = np.arange(count) * 2
    return found


@pytest.mark.parametrize("waiting", [0, 10**6])
@pytest.mark.parametrize("kinds", [-2, 2, 1000])
@pytest.mark.parametrize("size", [1, 30, 10**6])
def test_records_are_sorted_in_parts(size, kinds, waiting, tmp_path, monkeypatch):
    values = {"SORTED": size, "BLOCK": 16, "SAMPLED": 8, "WAITING": waiting}
    for name, value in values.items():
        monkeypatch.setattr(external_sort, name, value)
    monkeypatch.setattr(records, "BLOCK", 7)
    found = draw(200, kinds)
    with Scratch(tmp_path) as scratch:
        parts = list(sorted_parts(found, scratch))
    expected = sorted(found.tolist())
    assert [record for part in parts for record in part.tolist()] == expected
    assert len(parts) == max(1, -(-200 // size))
    assert size != 30 or max(map(len, parts)) < 80  # even if all keys are equal


def test_no_records_are_one_empty_part(tmp_path):
    with Scratch(tmp_path) as scratch:
        assert [len(part) for part in sorted_parts(draw(0, 5), scratch)] == [0]
