from dataclasses import replace

import numpy as np

from classifier.common.scratch import Scratch
from classifier.dataset import npz
from stages.inspect.contents import Contents
from tests.stages.inspect.test_unique_images import table


def test_hashes_and_rows_are_in_the_order_of_images_csv(tmp_path):
    train, test = table("cab", [0, 1, 0]), table("a", [1])
    train = replace(train, paths=np.array(["input/train/1", "input/train/2", "input/train/3"]))
    test = replace(test, paths=np.array(["input/test/1"]))
    hashes = np.arange(4 * 32, dtype=np.uint8).reshape(4, 32)  # of test/1, train/1, ...
    np.save(tmp_path / "hashes.npy", hashes)
    with Scratch(tmp_path) as scratch:
        found = Contents.of(train, test, npz.stored_npy(tmp_path / "hashes.npy"), scratch)
        assert found.of_rows[:].tolist() == [1, 0, 1, 2]  # contents: c, a, b
        assert np.array_equal(found.hashes[:], hashes[[1, 2, 3]])
        assert found.repeated.tolist() == [False, True, False]
        assert found.unique.first[:].tolist() == [0, 1, 2] and found.unique.n_train == 3
