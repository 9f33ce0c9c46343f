import dataclasses
import zipfile

import numpy as np
import pytest

from classifier.dataset import features
from classifier.dataset.features import Column, FeatureTable

FEATURES = np.random.default_rng(0).random((5, 3), np.float32)
TABLE = FeatureTable(
    features=FEATURES,
    labels=np.array([0, 1, 0, 1, -1], np.int32),
    class_names=np.array(["ant", "bée"]),
    sha256=np.array(["0" * 64] * 5),
    paths=np.array(["a", "b", "c", "d", "input/test/e.jpg"]),
    views=np.zeros(5, np.int32),
    learned=np.array([0], np.int32),
    averaged=np.array([0], np.int32),
    drawing=np.array("ranges"),
    fingerprint=np.array("f" * 64),
    weights=np.array("random"),
)


def write(path, *batches, table=TABLE):
    columns = {name: Column.of(array) for name, array in vars(table).items()}
    columns["features"] = Column(FEATURES.dtype, table.features.shape, batches)
    features.write(path, columns)


def test_the_table_survives(tmp_path):
    write(tmp_path / "a.npz", FEATURES[:2], FEATURES[2:])
    table = features.read(tmp_path / "a.npz")
    for name, array in vars(TABLE).items():
        found = getattr(table, name)
        assert (found.dtype, np.asarray(found).tobytes()) == (array.dtype, array.tobytes())


def test_the_grouping_of_the_rows_changes_no_byte(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    write(tmp_path / "b.npz", *(FEATURES[row : row + 1] for row in range(5)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_it_is_what_numpy_itself_would_write(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    np.savez(tmp_path / "b.npz", **vars(TABLE))
    with np.load(tmp_path / "a.npz") as ours, np.load(tmp_path / "b.npz") as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            assert ours[name].tobytes() == theirs[name].tobytes()


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_an_array_is_read_some_rows_at_a_time(count, tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    for name, array in vars(TABLE).items():
        chunks = list(features.iter_chunks(tmp_path / "a.npz", name, count))
        assert max(map(len, chunks)) <= count
        assert np.concatenate(chunks).tolist() == np.atleast_1d(array).tolist()


def test_a_flipped_bit_is_noticed_by_the_end(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[data.index(FEATURES.tobytes()) + 7] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(zipfile.BadZipFile):
        list(features.iter_chunks(tmp_path / "a.npz", "features", 2))


def test_no_rows_are_a_table_too(tmp_path):
    empty = {name: array[:0] for name, array in vars(TABLE).items() if array.ndim}
    write(tmp_path / "a.npz", table=dataclasses.replace(TABLE, **empty))
    assert features.read(tmp_path / "a.npz").features.shape == (0, 3)


def test_a_missing_row_is_a_bug_that_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="features: 12 values for shape"):
        write(tmp_path / "a.npz", FEATURES[:4])
    assert list(tmp_path.iterdir()) == []


def test_features_stay_on_disk(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    stored = features.read(tmp_path / "a.npz").features
    assert (stored.shape, stored.ndim, stored.dtype, len(stored)) == ((5, 3), 2, np.float32, 5)
    for rows in ([4, 1], [[0, 1], [2, 3]], slice(1, 4), 2, np.array([True, False] * 2 + [True])):
        assert (stored[rows] == FEATURES[rows]).all()
    assert (np.asarray(stored) == FEATURES).all()


def test_the_grid_has_the_views_of_every_image():
    table = dataclasses.replace(
        TABLE,
        paths=np.array(["a", "a", "a", "b", "c"]),
        views=np.array([0, -1, 1, 0, 0], np.int32),
    )
    assert table.grid(np.array([0])).tolist() == [[0], [3], [4]]
    assert table.grid(np.array([0, 1])).tolist() == [[0, 2], [3, 3], [4, 4]]
    assert table.grid(np.array([0, -1])).tolist() == [[0, 1], [3, 3], [4, 4]]


def test_large_rows_are_held_a_few_at_a_time():
    assert features.rows_per_chunk((2048,), np.dtype(np.float32)) == 512
    assert features.rows_per_chunk((35, 35, 256), np.dtype(np.float16)) == 102
    assert features.rows_per_chunk((10**5, 10**4), np.dtype(np.float16)) == 1
