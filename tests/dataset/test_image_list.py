import pytest

from classifier.common.errors import StageError
from classifier.dataset import image_list
from classifier.dataset.image_list import CSV, PARQUET, ImageList, ListedImage

ROWS = [
    ListedImage("s3://b/test/x, y.png", "", "test"),
    ListedImage("s3://b/train/cat/1.jpg", "cat", "train", "patient 1", "120", "abc"),
]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "input").mkdir()
    monkeypatch.chdir(tmp_path)


def files(path=CSV):
    return [
        (one.path.as_posix(), one.split, one.folder, one.group, one.version.size, one.version.etag)
        for one in image_list.iter_files(ImageList(path, path.as_posix()))
    ]


EXPECTED = [
    ("input/s3/b/test/x, y.png", "test", "", "", -1, ""),
    ("input/s3/b/train/cat/1.jpg", "train", "cat", "patient 1", 120, "abc"),
]


def test_what_is_written_is_read():
    image_list.write(CSV, ROWS)
    assert image_list.find() == CSV
    assert files() == EXPECTED


def test_parquet_is_read_too():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {name: [getattr(row, name) for row in ROWS] for name in ListedImage._fields}
    columns["size"] = [None, 120]
    parquet.write_table(pyarrow.table(columns), PARQUET)
    assert image_list.find() == PARQUET
    assert files(PARQUET) == EXPECTED


def test_numbers_are_labels_too(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"path": ["s3://b/1.jpg", "s3://b/2.jpg"], "label": [0, 1], "split": ["train"] * 2}
    parquet.write_table(pyarrow.table(columns), PARQUET)
    assert [label for _, _, label, *_ in files(PARQUET)] == ["0", "1"]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (
            ("train/1.jpg", "cat", "train"),
            "path must be an address of .*s3://.*; got 'train/1.jpg'",
        ),
        (
            ("s3://b/z.jpg", "", "train"),
            "label must be that of the image, because its split is train",
        ),
        (("s3://b/z.jpg", "cat", "learn"), "split must be one of .*; got 'learn'"),
        (("s3://b/z.jpg", "cat", "train", "", "big"), "size must be a number of bytes; got 'big'"),
        (("s3://b/z.jpg", "cat", "train", "", "--5"), "size must be a number of bytes; got '--5'"),
        (("s3://b/z\x07.jpg", "cat", "train"), "must be printable"),
        (("s3://a/1.jpg", "cat", "train"), "must come after 'input/s3/b/test/x, y.png'.*sort by"),
    ],
)
def test_a_wrong_row_is_named(row, error):
    image_list.write(CSV, [ROWS[0], ListedImage(*row)])
    with pytest.raises(StageError, match=rf"^input/images.csv, image 2: {error}"):
        files()


@pytest.mark.parametrize("other", ["train", "labels.csv", "images.parquet"])
def test_a_list_replaces_all_other_descriptions(other, tmp_path):
    image_list.write(CSV, ROWS)
    (tmp_path / "input" / other).mkdir()
    with pytest.raises(StageError, match=f"all that describes the dataset; got input/{other} too"):
        image_list.find()


@pytest.mark.parametrize("path", [CSV, PARQUET])
def test_a_list_that_cannot_be_read_is_an_error(path):
    path.mkdir()
    with pytest.raises(StageError, match=rf"^{path.as_posix()}: cannot be read \(Is a directory\)"):
        files(path)
