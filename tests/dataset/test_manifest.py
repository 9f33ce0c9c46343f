import pytest

from classifier.dataset import manifest
from classifier.dataset.manifest import ImageRow


def row(path: str, split: str = "train", label: str = "a") -> ImageRow:
    return ImageRow(path, split, label, "0" * 64, 4, 3, "JPEG")


def test_rows_are_written_and_read_back(tmp_path):
    rows = [row("b,c.jpg"), row("a\n.jpg"), row("=1.jpg", "test", "")]
    rows.sort(key=lambda one: one.path)
    manifest.write(tmp_path / "images.csv", rows)
    assert manifest.read(tmp_path / "images.csv") == rows


@pytest.mark.parametrize("names", ["ba", "aa"])
def test_unsorted_rows_raise_and_leave_no_file(names, tmp_path):
    with pytest.raises(ValueError, match="rows must be sorted by path; got 'a' after"):
        manifest.write(tmp_path / "images.csv", map(row, names))
    assert list(tmp_path.iterdir()) == []


def test_the_columns_are_the_documented_ones(tmp_path):
    manifest.write(tmp_path / "images.csv", [])
    header = "path,split,label,sha256,width,height,format\n"
    assert (tmp_path / "images.csv").read_text() == header


def test_classes_are_those_of_the_training_images():
    rows = [row("1", label="b"), row("2", label="a"), row("3", "test", "c"), row("4", label="b")]
    assert manifest.class_names(rows) == ("a", "b")
