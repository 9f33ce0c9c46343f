import pytest

from classifier.dataset.findings import LIST_AND_FOLDER, Finding
from classifier.dataset.manifest import ImageRow
from stages.inspect import listed_labels

CLASSES = ("cat", "d\u00fcck")


@pytest.mark.parametrize(
    ("path", "label", "folder"),
    [
        ("input/train/cat/1.jpg", "d\u00fcck", "cat"),
        ("input/test/du\u0308ck/more/1.jpg", "cat", "d\u00fcck"),  # another Unicode form
        ("input/train/cat/1.jpg", "cat", ""),
        ("input/train/du\u0308ck/1.jpg", "d\u00fcck", ""),
        ("input/test/cat/1.jpg", "", ""),
        ("input/train/heap/1.jpg", "cat", ""),  # no class
        ("input/1.jpg", "cat", ""),
        ("input/test/cat", "d\u00fcck", ""),  # a file
        ("input/unlabelled/cat/1.jpg", "d\u00fcck", ""),
        ("input/s3/cat/1.jpg", "d\u00fcck", ""),
    ],
)
def test_a_label_of_the_list_that_differs_from_the_folders_is_a_finding(path, label, folder):
    found = list(listed_labels.find([ImageRow(path, "train", label, "", 1, 1, "PNG")], CLASSES))
    detail = f"{label} in input/labels.csv, but in the folder of {folder}"
    expected = [Finding(path, label, LIST_AND_FOLDER, 0, folder, "", detail)]
    assert found == (expected if folder else [])
