from pathlib import Path

import pytest

from classifier.common.errors import StageError
from classifier.dataset import manifest
from classifier.dataset.manifest import ImageRow
from tests.project import write_images_csv


@pytest.mark.parametrize("table", ["images.csv", "images.parquet"])
def test_rows_are_written_and_read_back(table, tmp_path):
    paths = ["input/=1.jpg", "input/a\n.jpg", "input/b,c.jpg", "input/b..jpg"]
    rows = [ImageRow(path, "train", "a", "0" * 64, 4, 3, "JPEG") for path in paths]
    write_images_csv(tmp_path / table, rows)
    assert list(manifest.iter_rows(tmp_path / table)) == rows


def test_the_columns_are_the_documented_ones(tmp_path):
    write_images_csv(tmp_path / "images.csv", [])
    header = "path,split,label,sha256,width,height,format,group,conversion\n"
    assert (tmp_path / "images.csv").read_text() == header


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../secret.jpg", "input/train/../../secret.jpg", "inputs/a.jpg", "", "="],
)
def test_a_row_of_a_file_outside_input_is_refused(path, tmp_path):
    table = tmp_path / "images.csv"
    write_images_csv(table, [ImageRow(path, "train", "a", "0" * 64, 4, 3, "JPEG")])
    with pytest.raises(StageError, match=r"images\.csv: paths must be below input/; got"):
        list(manifest.iter_rows(table))


@pytest.mark.parametrize("table", ["images.csv", "images.parquet", "images.parquet.1.part"])
def test_rows_are_changed(table, tmp_path):
    row = ImageRow("input/a.png", "train", "a", "0" * 64, 4, 3, "PNG")
    write_images_csv(tmp_path / table, [row])
    manifest.change_rows(tmp_path / table, lambda one: one._replace(conversion="sRGB"))
    assert list(manifest.iter_rows(tmp_path / table)) == [row._replace(conversion="sRGB")]


def test_params_say_the_format_of_the_tables(set_param):
    set_param("validate.table_format", "parquet")
    assert manifest.in_format(manifest.PATH) == Path("results/images.parquet")


def test_commands_read_the_table_that_is_there(set_param):
    table = Path("results/images.csv")
    assert manifest.existing(table) == table
    table.parent.mkdir()
    table.with_suffix(".parquet").touch()
    assert manifest.existing(table) == table.with_suffix(".parquet")
    table.touch()
    assert manifest.existing(table) == table
    set_param("validate.table_format", "parquet")
    assert manifest.existing(table) == table.with_suffix(".parquet")


def test_a_table_in_another_format_is_removed(tmp_path):
    for table in ("images.csv", "images.parquet", "images.txt"):
        (tmp_path / table).touch()
    manifest.remove_other_formats(tmp_path / "images.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.parquet", "images.txt"]
