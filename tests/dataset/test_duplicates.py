import pytest

from classifier.dataset import duplicates
from classifier.dataset.manifest import ImageRow


def row(split: str, label: str, path: str = "p") -> ImageRow:
    return ImageRow(path, split, label, "0" * 64, 1, 1, "PNG")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("train", "cat"), ("train", "dog"), "label_conflict"),
        (("train", "cat"), ("test", "dog"), "label_conflict"),
        (("test", ""), ("train", "cat"), "in_train_and_test"),
        (("validation", "cat"), ("train", "cat"), "in_train_and_validation"),
        (("validation", "cat"), ("test", ""), "in_validation_and_test"),
        (("train", "cat"), ("train", "cat"), "duplicate"),
        (("test", ""), ("test", ""), "duplicate"),
    ],
)
def test_a_duplicate_has_a_code_by_splits_and_labels(one, other, expected):
    assert duplicates.duplicate_code(row(*one), row(*other)) == expected
    assert duplicates.duplicate_code(row(*other), row(*one)) == expected


def test_a_file_gets_only_its_most_serious_code():
    rows = [row("train", "cat", "a"), row("train", "cat", "b"), row("test", "", "c")]
    codes = {problem.path: problem.problem for problem in duplicates.exact_duplicates(rows)}
    assert codes == dict.fromkeys("abc", "in_train_and_test")
