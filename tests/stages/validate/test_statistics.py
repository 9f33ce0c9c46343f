from collections import Counter

import pytest

from classifier.dataset.manifest import ImageRow
from stages.validate import statistics


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (32, 32, []),
        (31, 100, ["tiny"]),
        (1, 20_000, ["tiny", "extreme_shape"]),
        (500, 100, []),
        (100, 501, ["extreme_shape"]),
    ],
)
def test_odd_sizes_are_told(width, height, expected):
    row = ImageRow("p", "train", "cat", "0" * 64, width, height, "PNG")
    found = statistics.size_problems(row)
    assert [problem.problem for problem in found] == expected
    assert all(f"{width:,} x {height:,} pixels" in problem.detail for problem in found)


def test_small_and_uneven_classes_are_told_with_their_numbers():
    few, uneven = statistics.class_warnings(Counter(cat=1200, dog=9), "input/train")
    assert "fewer than 10 images of dog (9)" in few
    assert "1,200 images of cat, 9 of dog" in uneven


def test_classes_that_differ_only_in_case_are_told():
    (said,) = statistics.class_warnings(Counter(cat=20, Cat=20, dog=20), "input/train")
    assert "Cat, cat differ only in case" in said


def test_even_classes_are_not_worth_a_word():
    assert statistics.class_warnings(Counter(cat=20, dog=30), "input/train") == []
