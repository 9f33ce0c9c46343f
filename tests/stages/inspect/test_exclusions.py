import pytest

from classifier.common.errors import StageError
from classifier.dataset.manifest import ImageRow
from stages.inspect.exclusions import exclusion_reasons

DROPPED = {"duplicate": "drop_duplicates", "outlier": "drop_outliers"}


def images(*found: tuple[str, str, list[str]]) -> list[tuple[ImageRow, list[str]]]:
    """Returns images by split, label and kinds of findings; each has a content of its own."""
    return [
        (ImageRow(f"input/{n}", split, label, str(n), 1, 1, "PNG"), kinds)
        for n, (split, label, kinds) in enumerate(found)
    ]


def test_only_training_images_are_excluded_for_their_most_severe_finding_that_is_dropped():
    found = images(
        ("train", "a", ["label_conflict", "duplicate", "outlier"]),
        ("train", "a", ["wrong_label"]),
        ("validation", "a", ["outlier"]),
        ("train", "a", []),
        ("train", "b", ["label_conflict"]),
    )
    assert list(exclusion_reasons(found, DROPPED)) == [("input/0", "duplicate")]


def test_each_class_must_keep_two_different_images():
    kept = images(("train", "a", []), ("train", "b", []), ("train", "b", []), ("test", "b", []))
    same = [(row._replace(sha256="0"), kinds) for row, kinds in kept]
    dropped = images(*[("train", "b", ["duplicate"])] * 4, ("train", "b", ["outlier"]))
    list(exclusion_reasons([*kept, *dropped], DROPPED))
    with pytest.raises(StageError) as error:
        list(exclusion_reasons([*same, *dropped], DROPPED))
    assert str(error.value) == (
        "params.yaml: inspect.drop_duplicates and inspect.drop_outliers must leave each class two "
        "different images; got 1 image of b: set it to false, or add images"
    )
