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
def test_what_it_means_that_two_images_are_the_same(one, other, expected):
    assert (
        duplicates.duplicate_code(row(*one), row(*other))
        == duplicates.duplicate_code(row(*other), row(*one))
        == expected
    )


def test_of_a_file_only_the_gravest_is_said():
    rows = [row("train", "cat", "a"), row("train", "cat", "b"), row("test", "", "c")]
    found = {problem.path: problem.problem for problem in duplicates.exact_duplicates(rows)}
    assert found == dict.fromkeys("abc", "in_train_and_test")
