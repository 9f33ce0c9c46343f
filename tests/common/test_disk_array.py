import io
import tempfile

import numpy as np
import pytest

from classifier.common import disk_array
from classifier.common.disk_array import ComputedRows, DiskArray

VALUES = np.random.default_rng(1).normal(size=(3000, 4)).astype(np.float32)


@pytest.mark.parametrize("small", [0, 10**6])
def test_rows_come_back_in_any_order(small, monkeypatch):
    monkeypatch.setattr(disk_array, "SMALL", small)
    with tempfile.TemporaryFile() as file:
        array = DiskArray(file, (4,))
        assert len(array) == 0 and array[:5].shape == (0, 4)
        for start in range(0, 3000, 700):
            array.append(VALUES[start : start + 700])
        rows = np.random.default_rng(2).integers(0, 3000, 5000)
        assert len(array) == 3000
        assert np.array_equal(array[rows], VALUES[rows])
        assert np.array_equal(array[100:], VALUES[100:]) and array[rows[:0]].shape == (0, 4)
        assert np.array_equal(array[rows[:9] - 3000], VALUES[rows[:9]])
        assert np.array_equal(array[VALUES[:, 0] > 0], VALUES[VALUES[:, 0] > 0])


def test_rows_in_memory_are_a_copy_wherever_they_were(monkeypatch):
    monkeypatch.setattr(disk_array, "BLOCK", 700)
    with tempfile.TemporaryFile() as file:
        array = DiskArray(file, (4,))
        array.append(VALUES)
        for rows in (array, VALUES, VALUES[:0]):
            found = disk_array.in_memory(rows)
            assert np.array_equal(found, VALUES[: len(rows)]) and found.dtype == VALUES.dtype
            assert not np.shares_memory(found, VALUES)


class Halting(io.FileIO):
    """A file that takes and gives 1,000 bytes at a time, as an almost full disk may."""

    def write(self, data):
        return super().write(data[:1000])

    def readinto(self, buffer):
        return super().readinto(buffer[:1000])


def test_what_the_system_takes_in_parts_is_complete(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_array, "SMALL", 0)
    with Halting(tmp_path / "rows", "w+b") as file:
        array = DiskArray(file, (4,))
        array.append(VALUES)
        assert np.array_equal(array[:], VALUES)


def test_computed_rows_are_those_of_the_rows_asked_for():
    doubled = ComputedRows(VALUES, lambda rows: 2 * rows)
    assert len(doubled) == 3000 and np.array_equal(doubled[5:9], 2 * VALUES[5:9])
