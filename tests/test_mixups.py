import pytest

from stages import mixups
from stages.manifest import Row


def row(split: str, label: str, path: str = "p") -> Row:
    return Row(path, split, label, "0" * 64, 1, 1, "PNG")


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
def test_what_it_means_that_two_pictures_are_the_same(one, other, expected):
    assert mixups.code(row(*one), row(*other)) == mixups.code(row(*other), row(*one)) == expected


def test_of_a_file_only_the_gravest_is_said():
    rows = [row("train", "cat", "a"), row("train", "cat", "b"), row("test", "", "c")]
    found = {problem.path: problem.problem for problem in mixups.repeated(rows)}
    assert found == dict.fromkeys("abc", "in_train_and_test")
