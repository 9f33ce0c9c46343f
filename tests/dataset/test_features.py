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
    groups=np.array(["", "", "day 1", "day 1", ""]),
    splits=np.array(["train"] * 4 + ["test"]),
    views=np.zeros(5, np.int32),
    train_views=np.array([0], np.int32),
    tta_views=np.array([0], np.int32),
    augmentation_id=np.array("ranges"),
    grey_ranges=np.array("16-bit 0 4095"),
    fingerprint=np.array("f" * 64),
    weights=np.array("random"),
    layers=np.array(["mixed8", "mixed10"]),
    layer_sizes=np.array([1, 2], np.int32),
)


def write(path, *chunks, table=TABLE):
    columns = {name: Column.from_array(array) for name, array in vars(table).items()}
    columns["features"] = Column(FEATURES.dtype, table.features.shape, chunks)
    features.write(path, columns)


def test_a_written_table_is_read_back(tmp_path):
    write(tmp_path / "a.npz", FEATURES[:2], FEATURES[2:])
    table = features.read(tmp_path / "a.npz")
    for name, array in vars(TABLE).items():
        column = getattr(table, name)[()]
        assert (column.dtype, column.tobytes()) == (array.dtype, array.tobytes())


def test_the_file_does_not_depend_on_the_chunks(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    write(tmp_path / "b.npz", *(FEATURES[row : row + 1] for row in range(5)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_file_like_its_own(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    np.savez(tmp_path / "b.npz", **vars(TABLE))
    with np.load(tmp_path / "a.npz") as ours, np.load(tmp_path / "b.npz") as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            assert ours[name].tobytes() == theirs[name].tobytes()


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_an_array_is_read_in_chunks(count, tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    for name, array in vars(TABLE).items():
        chunks = list(features.iter_chunks(tmp_path / "a.npz", name, count))
        assert max(map(len, chunks)) <= count
        assert np.concatenate(chunks).tolist() == np.atleast_1d(array).tolist()


def test_a_flipped_bit_is_noticed(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[data.index(FEATURES.tobytes()) + 7] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(zipfile.BadZipFile):
        list(features.iter_chunks(tmp_path / "a.npz", "features", 2))


def test_a_table_may_have_no_rows(tmp_path):
    empty = {name: array[:0] for name, array in vars(TABLE).items() if array.ndim}
    write(tmp_path / "a.npz", table=dataclasses.replace(TABLE, **empty))
    assert features.read(tmp_path / "a.npz").features.shape == (0, 3)


def test_missing_rows_raise_and_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="features: 12 values for shape"):
        write(tmp_path / "a.npz", FEATURES[:4])
    assert list(tmp_path.iterdir()) == []


def test_features_stay_on_disk(tmp_path):
    write(tmp_path / "a.npz", FEATURES)
    lazy = features.read(tmp_path / "a.npz").features
    assert (lazy.shape, lazy.dtype, len(lazy)) == ((5, 3), np.float32, 5)
    for rows in ([4, 1], [[0, 1], [2, 3]], slice(1, 4), 2, np.array([True, False] * 2 + [True])):
        assert (lazy[rows] == FEATURES[rows]).all()


def test_view_rows_are_those_of_every_image():
    table = dataclasses.replace(
        TABLE,
        paths=np.array(["a", "a", "a", "b", "c"]),
        views=np.array([0, -1, 1, 0, 0], np.int32),
    )
    assert table.view_rows(np.array([0])).tolist() == [[0], [3], [4]]
    assert table.view_rows(np.array([0, 1])).tolist() == [[0, 2], [3, 3], [4, 4]]
    assert table.view_rows(np.array([0, -1])).tolist() == [[0, 1], [3, 3], [4, 4]]


@pytest.mark.parametrize(
    ("names", "columns"), [("mixed8", [0]), ("mixed10", [1, 2]), ("mixed10 mixed8", [0, 1, 2])]
)
def test_layer_columns_are_those_of_the_named_layers(names, columns):
    assert TABLE.layer_columns(names.split()).tolist() == columns


def test_chunks_of_large_rows_are_shorter():
    assert features.rows_per_chunk((2048,), np.dtype(np.float32)) == 512
    assert features.rows_per_chunk((35, 35, 256), np.dtype(np.float16)) == 102
    assert features.rows_per_chunk((10**5, 10**4), np.dtype(np.float16)) == 1


def test_python_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", features=np.array([[{}]]))
    with pytest.raises(ValueError, match="it holds Python objects"):
        features.lazy_array(tmp_path / "a.npz", "features")
