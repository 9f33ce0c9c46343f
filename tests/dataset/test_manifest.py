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


@pytest.mark.parametrize("as_parquet", [False, True])
@pytest.mark.parametrize("before", [None, False, True])
def test_a_table_is_replaced_in_either_format_and_read_from_one_path(before, as_parquet, tmp_path):
    table = tmp_path / "images.csv"
    row = ImageRow("input/a.png", "train", "a", "0" * 64, 4, 3, "PNG")
    for label, format_ in (("old", before), ("new", as_parquet)):
        if format_ is not None:
            with manifest.replace(table, format_) as part:
                write_images_csv(part, [row._replace(label=label)])
    assert [one.label for one in manifest.iter_rows(table)] == ["new"]
    assert manifest.is_parquet(table) == as_parquet
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found == [manifest.file_of(table)]


@pytest.mark.parametrize("as_parquet", [False, True])
def test_a_table_stays_if_the_next_one_fails(as_parquet, tmp_path):
    table = tmp_path / "images.csv"
    with manifest.replace(table, not as_parquet) as part:
        write_images_csv(part, [])
    before = manifest.file_of(table).read_bytes()
    with pytest.raises(KeyboardInterrupt), manifest.replace(table, as_parquet) as part:
        write_images_csv(part, [])
        raise KeyboardInterrupt
    assert manifest.file_of(table).read_bytes() == before
    assert not list(tmp_path.rglob("*.part"))


def test_files_of_others_in_the_folder_of_a_table_stay(tmp_path):
    table = tmp_path / "images.csv"
    with manifest.replace(table, True) as part:
        write_images_csv(part, [])
    (table / "mine.txt").touch()
    rule = r"images\.csv: must have only images\.parquet in it; got mine\.txt: move the rest away"
    with pytest.raises(StageError, match=rule), manifest.replace(table, False):
        pass
    assert (table / "mine.txt").exists()
