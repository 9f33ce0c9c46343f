from collections import Counter

from classifier.dataset.manifest import ImageRow
from stages.validate import statistics


def test_images_with_the_same_content_are_possible_duplicates():
    contents = {"a": "1", "b": "2", "c": "1"}
    rows = [ImageRow(p, "train", "cat", 64 * c, 9, 9, "PNG") for p, c in contents.items()]
    numbers = statistics.DatasetStatistics()
    for row in rows:
        numbers.add(row, b"")
    assert [row.path for row in numbers.possible_duplicates(rows)] == ["a", "c"]


def test_small_and_uneven_classes_are_named_with_their_numbers():
    few, uneven = statistics.class_warnings(Counter(cat=1200, dog=9), "input/train")
    assert "fewer than 10 images of dog (9)" in few
    assert "1,200 images of cat, 9 of dog" in uneven


def test_classes_that_differ_only_in_case_are_named():
    (warning,) = statistics.class_warnings(Counter(cat=20, Cat=20, dog=20), "input/train")
    assert "Cat, cat differ only in case" in warning


def test_even_classes_have_no_warning():
    assert statistics.class_warnings(Counter(cat=20, dog=30), "input/train") == []
