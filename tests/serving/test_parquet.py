import pyarrow.parquet as pq

from classifier.evaluation import predictions
from classifier.serving import outputs, parquet, writers

ROW = ["=a.jpg", "ok", "unknown", "0.750000", "4.200", "cat", "dog", "0.250000", 0]


def written(path) -> None:
    with (
        outputs.open_output(str(path)) as file,
        parquet.parquet_writer(file, 2) as write,
    ):
        write(ROW, "")
        write(predictions.unreadable_row("b.jpg", "truncated", 2), "a reason")


def test_columns_are_those_of_csv_with_types(tmp_path):
    written(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names == [*predictions.header(2), "detail"]
    first, second = table.to_pylist()
    assert (first["path"], first["probability"], first["novelty"]) == ("=a.jpg", 0.75, 4.2)
    assert (first["predicted_index"], first["detail"]) == (0, None)
    assert (second["status"], second["predicted"]) == ("truncated", None)
    assert second["detail"] == "a reason"


def test_only_parquet_of_predictions_may_be_overwritten(tmp_path):
    written(tmp_path / "a.parquet")
    other = pq.read_table(tmp_path / "a.parquet").replace_schema_metadata({})
    pq.write_table(other, tmp_path / "b.parquet")
    known = [writers.is_written_here(tmp_path / name) for name in ("a.parquet", "b.parquet")]
    assert known == [True, False]
