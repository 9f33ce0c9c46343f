import numpy as np
import pytest

from classifier.common.scratch import Scratch

VALUES = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)


def test_scratch_keeps_arrays_while_it_is_open(tmp_path):
    with Scratch(tmp_path) as scratch:
        numbers, rows = scratch.keep(np.arange(7)), scratch.keep(VALUES)
        empty = scratch.array((), np.uint16)
        empty.append(np.arange(3))
        assert numbers[[6, 0]].tolist() == [6, 0] and np.array_equal(rows[2:4], VALUES[2:4])
        assert (empty[:].dtype, empty[:].tolist()) == (np.uint16, [0, 1, 2])
    with pytest.raises(ValueError, match="closed file"):
        numbers[:1]
