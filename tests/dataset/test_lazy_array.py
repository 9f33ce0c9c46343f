from itertools import pairwise

import numpy as np
import pytest

from classifier.dataset import npz
from classifier.dataset.lazy_array import LazyArray
from classifier.dataset.npz import Column

RNG = np.random.default_rng(0)
VALUES = RNG.random((9, 3), np.float32)
PATHS = np.array(["a", "bb", "ccc", "é.jpg", "日本.png", "", "x", "yy", "z"])
HASHES = np.frombuffer(RNG.bytes(9 * 32), "S32").copy()
HASHES[4] = b"\1" * 30 + b"\0\0"
ENDS = (0, 2, 2, 6, 9)  # of the parts; two are empty
ROWS = [
    slice(None),
    slice(1, 8),
    slice(7, None, -2),
    slice(3, 3),
    4,
    -1,
    np.int64(2),
    np.zeros(0, int),
    [8, 0, 2, 2, -9],
    np.arange(9)[::-1],
    RNG.integers(0, 9, (4, 2)),
    np.arange(9) % 2 == 0,
]


@pytest.fixture(scope="module")
def lazy(tmp_path_factory):
    """The arrays in five parts, and in one."""
    folder = tmp_path_factory.mktemp("parts")
    arrays = {"values": VALUES, "paths": np.char.encode(PATHS, "utf-8"), "hashes": HASHES}

    def stored(name, rows):
        columns = {n: Column.from_array(_narrow(array[rows])) for n, array in arrays.items()}
        npz.write(folder / name, columns)
        return npz.stored(folder / name, tuple(arrays))

    bounds = pairwise((0, *ENDS))
    several = [stored(f"{number}.npz", slice(*ends)) for number, ends in enumerate(bounds)]
    one = [stored("all.npz", slice(None))]
    return [
        {name: LazyArray([part[name] for part in parts], name == "paths") for name in arrays}
        for parts in (several, one)
    ]


def _narrow(array):
    """Returns text as wide as its longest, as each part has it."""
    return array if array.dtype == np.float32 else np.array(array.tolist(), "S")


@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_rows_of_several_parts_and_of_one_are_those_that_numpy_gives(rows, lazy):
    for arrays in lazy:
        values = arrays["values"]
        assert (values.shape, values.dtype, len(values)) == ((9, 3), np.float32, 9)
        assert values[rows].tolist() == VALUES[rows].tolist()
        assert arrays["paths"][rows].tolist() == PATHS[rows].tolist()
        assert arrays["paths"].encoded[rows].tolist() == np.char.encode(PATHS)[rows].tolist()
        assert arrays["hashes"][rows].tolist() == HASHES[rows].tolist()


@pytest.mark.parametrize("rows", [9, -10, [0, 9], np.ones(8, bool)], ids=str)
def test_rows_that_are_not_there_are_an_error(rows, lazy):
    for arrays in lazy:
        with pytest.raises(IndexError):
            arrays["values"][rows]
