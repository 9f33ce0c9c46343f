import pyarrow.parquet as pq
import pytest

from classifier.common import parquet
from classifier.common.errors import StageError

COLUMNS = {"name": "string", "size": "int32", "sha256": parquet.HASH}
ROWS = [("=a\n", 1, bytes(32)), ("\u00e9", 2, bytes(range(32)))]


def write(path, rows=ROWS):
    with parquet.open_writer(path, COLUMNS, {"by": "us"}) as write_row:
        for row in rows:
            write_row(row)
    return path


def read(path):
    return [
        row for batch in parquet.iter_batches(path) for row in zip(*batch.values(), strict=True)
    ]


def test_rows_are_written_with_types_and_read_back(tmp_path):
    path = write(tmp_path / "a.parquet")
    assert read(path) == ROWS
    schema = pq.read_schema(path)
    assert [str(kind) for kind in schema.types] == ["string", "int32", "fixed_size_binary[32]"]
    assert schema.metadata[b"by"] == b"us" and parquet.read_metadata(path)["by"] == "us"
    assert list(parquet.iter_batches(path, ["size"])) == [{"size": [1, 2]}]


def test_a_table_without_rows_has_columns(tmp_path):
    path = write(tmp_path / "a.parquet", [])
    assert (read(path), pq.read_table(path).column_names) == ([], list(COLUMNS))


def test_rows_are_packed_and_written_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS", 2)
    monkeypatch.setattr(parquet, "GROUP", 4)
    rows = [(str(number), number, bytes(32)) for number in range(9)]
    path = write(tmp_path / "a.parquet", rows)
    assert (read(path), pq.ParquetFile(path).num_row_groups) == (rows, 3)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    one, other = write(tmp_path / "a.parquet"), write(tmp_path / "b.parquet")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"path,label\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_an_error_that_names_it(data, tmp_path):
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(StageError, match=r"a\.parquet: must be Parquet; got "):
        read(tmp_path / "a.parquet")


def test_the_remedy_ends_the_error(tmp_path):
    (tmp_path / "a.parquet").touch()
    with pytest.raises(StageError, match=r"must be Parquet; got .*: run `dvc repro`$"):
        list(parquet.iter_batches(tmp_path / "a.parquet", remedy="run `dvc repro`"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as info:
        read(tmp_path / "a.parquet")
    assert info.value.filename == str(tmp_path / "a.parquet")


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(parquet, "PACKAGE", "nopyarrow")
    with pytest.raises(StageError, match="x: needs nopyarrow; run `pip install nopyarrow`"):
        parquet.require("x")
