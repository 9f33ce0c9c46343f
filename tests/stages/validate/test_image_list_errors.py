from collections import Counter, defaultdict
from types import SimpleNamespace

from stages.validate.image_list_errors import image_errors, label_errors

PLACE = "s3://bucket/images.csv"


def test_labels_that_are_right_give_no_error():
    assert label_errors(PLACE, ["cat", "dog"], []) == []


def test_a_single_class_and_an_unknown_label_are_named():
    assert label_errors(PLACE, ["cat"], ["cats"]) == [
        f"{PLACE}: training images must be of 2 or more classes; got cat",
        f"{PLACE}: the label of a validation image must be that of a training image; got 'cats'; "
        "did you mean cat?",
    ]


def test_labels_that_look_identical_are_named():
    (error,) = label_errors(PLACE, ["caf\u00e9", "cafe\u0301"], [])
    assert error.startswith(f"{PLACE}: labels must not look identical; got 'caf\\xe9', 'cafe")


def test_classes_and_splits_without_usable_images_are_named():
    found = defaultdict(set, cat={"a", "b"}, dog={"c"})
    statistics = SimpleNamespace(contents=found, counts=Counter(train=3))
    dog, owl, validation = image_errors(
        PLACE, ["cat", "dog", "owl"], statistics, {"train", "validation"}
    )
    assert dog.startswith(f"{PLACE}, class dog: needs 2 or more different usable images; got 1:")
    assert owl.startswith(f"{PLACE}, class owl: needs 2 or more different usable images; got 0:")
    assert validation.startswith(f"{PLACE}: needs a usable validation image; got 0:")
