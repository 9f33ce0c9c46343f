import numpy as np
import pytest

from classifier.cache import arrays

ARRAYS = {"one": np.arange(12.0).reshape(3, 4), "two": np.array([], np.int8)}


@pytest.fixture
def path(tmp_path):
    arrays.write(tmp_path / "arrays", "recipe 1", ARRAYS)
    return tmp_path / "arrays"


def test_arrays_come_back_for_the_same_recipe_only(path):
    found = arrays.read(path, "recipe 1")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert np.array_equal(found[name], array) and found[name].dtype == array.dtype
    assert arrays.read(path, "recipe 2") == {}
    assert arrays.read(path.with_name("none"), "recipe 1") == {}


def test_a_damaged_file_is_as_none(path):
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert arrays.read(path, "recipe 1") == {}
    path.write_bytes(data[:-1])
    assert arrays.read(path, "recipe 1") == {}


def test_a_place_that_cannot_be_written_does_no_harm(path):
    arrays.write(path / "inside a file", "recipe 1", ARRAYS)
    assert arrays.read(path, "recipe 1")
