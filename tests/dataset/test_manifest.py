from classifier.dataset import manifest
from classifier.dataset.manifest import ImageRow
from tests.project import write_images_csv


def test_rows_are_written_and_read_back(tmp_path):
    paths = ["=1.jpg", "a\n.jpg", "b,c.jpg"]
    rows = [ImageRow(path, "train", "a", "0" * 64, 4, 3, "JPEG") for path in paths]
    write_images_csv(tmp_path / "images.csv", rows)
    assert list(manifest.iter_rows(tmp_path / "images.csv")) == rows


def test_the_columns_are_the_documented_ones(tmp_path):
    write_images_csv(tmp_path / "images.csv", [])
    header = "path,split,label,sha256,width,height,format,group\n"
    assert (tmp_path / "images.csv").read_text() == header
