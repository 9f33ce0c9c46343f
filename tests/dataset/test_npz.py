import zipfile

import numpy as np
import pytest

from classifier.dataset import npz
from classifier.dataset.npz import Column

VALUES = np.random.default_rng(0).random((5, 3), np.float32)
ARRAYS = {
    "values": VALUES,
    "names": np.array(["ant", "bée", "", "d", "e"]),
    "bytes": np.array([b"a\0b", b"", b"c\0"], "S4"),
    "text": np.array("one"),
    "none": np.zeros((0, 3), np.int32),
}


def write(path, *chunks):
    columns = {name: Column.from_array(array) for name, array in ARRAYS.items()}
    npz.write(path, columns | {"values": Column(VALUES.dtype, VALUES.shape, chunks or [VALUES])})


def test_written_arrays_are_read_back(tmp_path):
    write(tmp_path / "a.npz", VALUES[:2], VALUES[2:])
    found = npz.read(tmp_path / "a.npz")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].tobytes()) == (array.dtype, array.tobytes())
    assert list(npz.read(tmp_path / "a.npz", ("text",))) == ["text"]


def test_the_file_does_not_depend_on_the_chunks(tmp_path):
    write(tmp_path / "a.npz")
    write(tmp_path / "b.npz", *(VALUES[row : row + 1] for row in range(5)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_file_like_its_own(tmp_path):
    write(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **ARRAYS)
    with np.load(tmp_path / "a.npz") as ours, np.load(tmp_path / "b.npz") as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            assert ours[name].tobytes() == theirs[name].tobytes()


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_an_array_is_read_in_chunks(count, tmp_path):
    write(tmp_path / "a.npz")
    for name in ("values", "names", "bytes"):
        chunks = list(npz.iter_chunks(tmp_path / "a.npz", name, count))
        assert max(map(len, chunks)) <= count
        assert np.concatenate(chunks).tolist() == ARRAYS[name].tolist()


def test_a_flipped_bit_is_noticed(tmp_path):
    write(tmp_path / "a.npz")
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[data.index(VALUES.tobytes()) + 7] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(zipfile.BadZipFile):
        list(npz.iter_chunks(tmp_path / "a.npz", "values", 2))
    with pytest.raises(npz.DAMAGED):
        npz.read(tmp_path / "a.npz", ("values",))


def test_missing_rows_raise_and_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="values: 12 values for shape"):
        write(tmp_path / "a.npz", VALUES[:4])
    assert list(tmp_path.iterdir()) == []


def test_stored_arrays_stay_on_disk_and_are_indexed_like_those_of_numpy(tmp_path):
    write(tmp_path / "a.npz")
    stored = npz.stored(tmp_path / "a.npz", ("values", "bytes", "none"))
    values = stored["values"]
    assert (values.shape, values.dtype, len(values)) == ((5, 3), np.float32, 5)
    for rows in ([4, 1], [[0, 1], [2, 3]], slice(1, 4), 2, np.array([True, False] * 2 + [True])):
        assert (values[rows] == VALUES[rows]).all()
    assert stored["bytes"][:].tobytes() == ARRAYS["bytes"].tobytes()
    assert stored["none"][:].shape == (0, 3)


def test_python_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", features=np.array([[{}]]))
    with pytest.raises(ValueError, match="it holds Python objects"):
        npz.stored(tmp_path / "a.npz", ("features",))
