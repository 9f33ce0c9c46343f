import dataclasses

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset import features
from classifier.dataset.features import FeatureTable
from tests import feature_tables

FEATURES = np.random.default_rng(0).random((5, 3), np.float32)
TABLE = FeatureTable(
    features=FEATURES,
    labels=np.array([0, 1, 0, 1, -1], np.int32),
    class_names=np.array(["ant", "bée"]),
    sha256=features.binary_hashes([*["0" * 64] * 4, f"{4:062x}00"]),
    paths=np.array(["a", "b", "c", "d", "input/test/é.jpg"]),
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


@pytest.mark.parametrize("text_apart", [False, True])
def test_a_written_table_is_read_back(text_apart, tmp_path):
    for ends in ((), (0, 1, 4)):  # parts without rows, too
        feature_tables.write(tmp_path / "a", TABLE, ends, text_apart)
        table = features.read(tmp_path / "a")
        for name, array in vars(TABLE).items():
            column = getattr(table, name)
            column = column[:] if name in features.LAZY else column
            assert column.tolist() == array.tolist(), name
            assert column.dtype.kind == array.dtype.kind and column.shape == array.shape, name
        assert features.hex_hashes(table.sha256[[4, 0]]) == [f"{4:062x}00", "0" * 64]


def test_a_table_may_have_no_rows(tmp_path):
    empty = {name: vars(TABLE)[name][:0] for name in feature_tables.PER_ROW}
    feature_tables.write(tmp_path / "a", dataclasses.replace(TABLE, **empty))
    table = features.read(tmp_path / "a")
    assert table.features.shape == (0, 3) and table.paths[:].tolist() == []
    assert table.view_rows(np.array([0])).shape == (0, 1)


@pytest.mark.parametrize("name", ["table.npz", "part-001.npz"])
@pytest.mark.parametrize("damage", ["cut", "empty", "of another run"])
def test_a_damaged_file_is_an_error_that_names_it_and_the_remedy(name, damage, tmp_path):
    feature_tables.write(tmp_path / "a", TABLE, (2,))
    path = tmp_path / "a" / name
    data = path.read_bytes()
    if damage == "of another run":
        changed = dataclasses.replace(TABLE, labels=TABLE.labels[::-1].copy())
        feature_tables.write(tmp_path / "a", changed, (2,))
        path = tmp_path / "a" / "part-000.npz" if name == "table.npz" else path
        (tmp_path / "a" / name).write_bytes(data)
    else:
        path.write_bytes(data[:700] if damage == "cut" else b"")
    with pytest.raises(StageError, match=r"must be as stage `extract` wrote it.*run `dvc repro`$"):
        features.read(tmp_path / "a")
    with pytest.raises(StageError, match=f"^{path.as_posix()}: "):
        features.read(tmp_path / "a")


@pytest.mark.parametrize("damage", ["cut", "missing", "of another run"])
def test_text_apart_is_an_error_too_if_it_does_not_fit(damage, tmp_path):
    feature_tables.write(tmp_path / "a", TABLE, (2,), text_apart=True)
    path = tmp_path / "a" / "part-001.parquet"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
        if damage == "of another run":
            path.write_bytes((tmp_path / "a" / "part-000.parquet").read_bytes())
    rule = r"part-001\.parquet: must be (as stage `extract` wrote it|Parquet); .*run `dvc repro`$"
    with pytest.raises(StageError, match=rule):
        features.read(tmp_path / "a")


def test_text_apart_that_is_damaged_inside_is_an_error_when_it_is_used(tmp_path):
    feature_tables.write(tmp_path / "a", TABLE, text_apart=True)
    path = tmp_path / "a" / "part-000.parquet"
    path.write_bytes(path.read_bytes().replace(b"day 1", b"day 2", 1))
    table = features.read(tmp_path / "a")
    with pytest.raises(StageError, match=r"part-000\.parquet: must be Parquet; .*run `dvc repro`$"):
        table.groups[:]


def test_a_missing_part_is_such_an_error_and_a_missing_table_is_not_there_yet(tmp_path):
    feature_tables.write(tmp_path / "a", TABLE)
    (tmp_path / "a" / "part-000.npz").unlink()
    with pytest.raises(StageError, match=r"part-000\.npz: must be as stage"):
        features.read(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        features.read(tmp_path / "b")


def test_hashes_that_end_in_zeros_keep_them():
    texts = ["ab" * 32, "ab" * 31 + "00", "00" * 32, "ab" * 30 + "0000"]
    hashes = features.binary_hashes(texts)
    assert features.hex_hashes(hashes) == texts
    assert features.hex_hashes(np.sort(hashes)) == sorted(texts)
    assert len(np.unique(hashes)) == 4


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
