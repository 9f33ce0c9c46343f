from collections import Counter

from stages.validate import folder_warnings


def test_small_and_uneven_classes_are_named_with_their_numbers():
    few, uneven = folder_warnings.dataset_warnings("input/train", Counter(cat=1200, dog=9), [])
    assert "fewer than 10 images of dog (9)" in few
    assert "1,200 images of cat, 9 of dog" in uneven


def test_classes_that_differ_only_in_case_are_named():
    (warning,) = folder_warnings.dataset_warnings(
        "input/train", Counter(cat=20, Cat=20, dog=20), []
    )
    assert "Cat, cat differ only in case" in warning


def test_even_classes_have_no_warning():
    assert folder_warnings.dataset_warnings("input/train", Counter(cat=20, dog=30), []) == []
