import numpy as np

from classifier.dataset.features import FeatureTable
from stages.inspect.unique_images import SEVERAL, UNKNOWN, UniqueImages


def table(hashes: str, labels: list[int], views: list[int] | None = None) -> FeatureTable:
    count = len(hashes)
    return FeatureTable(
        features=np.zeros((count, 2), np.float32),
        labels=np.array(labels, np.int32),
        class_names=np.array(["a", "b"]),
        sha256=np.array([one * 64 for one in hashes], "<U64"),
        paths=np.array([str(number) for number in range(count)]),
        views=np.array(views or [0] * count, np.int32),
        learned=np.array([0], np.int32),
        averaged=np.array([0], np.int32),
        drawing=np.array(""),
        fingerprint=np.array(""),
        weights=np.array("random"),
    )


def test_images_of_the_same_bytes_are_one_and_those_to_learn_from_come_first():
    found = UniqueImages.of(table("cac", [0, 1, 0]), table("ba", [-1, -1]))
    assert found.number.tolist() == [0, 1, 0, 2, 1]
    assert found.first.tolist() == [0, 1, 3]
    assert found.labels.tolist() == [0, 1, UNKNOWN]
    assert found.place.tolist() == [2, 0, 1]
    assert found.learned == 2


def test_a_content_of_several_classes_has_none():
    found = UniqueImages.of(table("ab", [0, 1]), table("a", [1]))
    assert found.labels.tolist() == [SEVERAL, 1]


def test_altered_copies_are_no_images_of_their_own():
    found = UniqueImages.of(table("aabb", [0, 0, 1, 1], [0, 1, 0, 1]), table("", []))
    assert found.number.tolist() == [0, 1] and found.labels.tolist() == [0, 1]
