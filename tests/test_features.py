import numpy as np
import pytest

from stages import features
from stages.features import Pictures

FEATURES = np.random.default_rng(0).random((5, 3), np.float32)
OF = Pictures(
    labels=np.array([0, 1, 0, 1, -1], np.int32),
    class_names=np.array(["ant", "bée"]),
    sha256=np.array(["0" * 64] * 5),
    paths=np.array(["a", "b", "c", "d", "input/test/e.jpg"]),
    views=np.zeros(5, np.int32),
    fingerprint=np.array("f" * 64),
    weights=np.array("random"),
)


def write(path, *batches):
    return features.write(path, OF, (3,), batches)


def test_the_table_survives(tmp_path):
    assert write(tmp_path / "a.npz", FEATURES[:2], FEATURES[2:]) == (5, 3)
    table = features.read(tmp_path / "a.npz")
    assert (table.features == FEATURES).all()
    assert table.features.dtype == np.float32 and table.labels.dtype == np.int32
    assert table.paths.tolist() == OF.paths.tolist()
    assert (str(table.weights), str(table.fingerprint)) == ("random", "f" * 64)


def test_the_grouping_of_the_rows_changes_no_byte(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    write(tmp_path / "b.npz", *(FEATURES[row : row + 1] for row in range(5)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_it_is_what_numpy_itself_would_write(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    np.savez(tmp_path / "b.npz", features=FEATURES, **vars(OF))
    with np.load(tmp_path / "a.npz") as ours, np.load(tmp_path / "b.npz") as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            assert ours[name].tobytes() == theirs[name].tobytes()


def test_no_rows_are_a_table_too(tmp_path):
    nothing = Pictures(*(array[:0] if array.ndim else array for array in vars(OF).values()))
    assert features.write(tmp_path / "a.npz", nothing, (3,), []) == (0, 3)
    assert features.read(tmp_path / "a.npz").features.shape == (0, 3)


def test_a_missing_row_is_a_bug_that_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="4 rows of features for 5 pictures"):
        write(tmp_path / "a.npz", FEATURES[:4])
    assert list(tmp_path.iterdir()) == []
