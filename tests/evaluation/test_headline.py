from typing import Any

import pytest

from classifier.evaluation import headline


def part(accuracy: float, n: int = 200, **others: object) -> dict[str, Any]:
    half = 2 * (accuracy * (1 - accuracy) / n) ** 0.5
    ends = {"accuracy_low": accuracy - half, "accuracy_high": min(accuracy + half, 1)}
    right = {"right_of_100_low": int(90 * accuracy), "right_of_100_high": 100}
    return {"accuracy": accuracy, **ends, **right, "n": n, **others}


def estimate(accuracy: float, **others: object) -> dict[str, Any]:
    plain = {"disagrees": False, "shift": False, "unlike": 0.0}
    return {"estimate": part(accuracy, **{**plain, **others})}


VALIDATION = {"validation": part(0.9), "leaks": {"test": 0, "labelled": 0}}


@pytest.mark.parametrize(
    ("others", "source"),
    [
        ({}, "validation"),
        ({"test": part(0.8)}, "test"),
        ({"test": part(0.8), **estimate(0.7, disagrees=True)}, "test"),
        (estimate(0.9), "validation"),
        (estimate(0.9, shift=True), "validation"),
        (estimate(0.7, disagrees=True), "estimate"),
        (estimate(0.9, unlike=0.2), "estimate"),
    ],
)
def test_the_headline_is_about_the_images_most_like_those_to_come(others, source):
    assert headline.headline(VALIDATION | others).source == source


def test_leaked_images_do_not_count():
    some = {"test": part(1.0, 10), "leaks": {"test": 4, "labelled": 4}}
    some["test_without_leaks"] = part(0.9, 6)
    assert headline.headline(VALIDATION | some).source == "test_without_leaks"
    assert headline.leak_notes(VALIDATION | some) == [
        "4 test images also among the training images; the test accuracy is 0.900 without them, "
        "1.000 with them: delete them, or set inspect.drop_leaks to true"
    ]
    every = {"test": part(1.0, 4), "leaks": {"test": 4, "labelled": 4}}
    assert headline.headline(VALIDATION | every).source == "validation"
    (note,) = headline.leak_notes(VALIDATION | every)
    assert "all that are scored; the test accuracy of 1.000 says nothing: delete them" in note


def test_what_agrees_needs_no_word():
    assert headline.notes(VALIDATION | {"test": part(0.88)} | estimate(0.89)) == []
    assert headline.leak_notes(VALIDATION) == []


def test_a_test_score_unlike_the_validation_score_is_explained():
    (note,) = headline.notes(VALIDATION | {"test": part(0.7)})
    assert note.startswith("the test images are harder than the training images: 0.700 of them")
    (note,) = headline.notes(VALIDATION | {"test": part(0.99)})
    assert "easier" in note


def test_a_shift_is_told():
    (note,) = headline.notes(VALIDATION | estimate(0.7, disagrees=True, shift=True))
    assert "about 0.70 of them are right (0.64 to 0.76), not 0.90" in note
    (note,) = headline.notes(VALIDATION | estimate(0.9, shift=True))
    assert "may not hold for them" in note
    (note,) = headline.notes(VALIDATION | estimate(0.9, unlike=0.19))
    assert note.startswith("19 % of the test images are unlike all training images")


def test_groups_that_change_the_score_are_told():
    torn = {"validation_without_groups": {"accuracy": 0.976, "differs": True}}
    (note,) = headline.notes(VALIDATION | torn)
    assert "0.900 with each group on one side, and would be 0.976 otherwise" in note
