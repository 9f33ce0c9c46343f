from dataclasses import replace

import numpy as np

from classifier.dataset.features import FeatureTable, binary_hashes
from stages.inspect.unique_images import CONFLICTING, UNKNOWN, UniqueImages, path_order


def table(hashes: str, labels: list[int], views: list[int] | None = None) -> FeatureTable:
    count = len(hashes)
    return FeatureTable(
        features=np.zeros((count, 2), np.float32),
        labels=np.array(labels, np.int32),
        class_names=np.array(["a", "b"]),
        sha256=binary_hashes(one * 64 for one in hashes),
        paths=np.array([str(number) for number in range(count)]),
        groups=np.full(count, ""),
        splits=np.full(count, "train"),
        views=np.array(views or [0] * count, np.int32),
        train_views=np.array([0], np.int32),
        tta_views=np.array([0], np.int32),
        augmentation_id=np.array(""),
        grey_ranges=np.array(""),
        fingerprint=np.array(""),
        weights=np.array("random"),
        layers=np.array(["mixed10"]),
        layer_sizes=np.array([2], np.int32),
    )


def test_images_with_the_same_bytes_are_one_and_training_images_come_first():
    unique = UniqueImages.from_tables(table("cac", [0, 1, 0]), table("ba", [-1, -1]))
    assert unique.inverse.tolist() == [0, 1, 0, 2, 1]
    assert unique.first.tolist() == [0, 1, 3]
    assert unique.labels.tolist() == [0, 1, UNKNOWN]
    assert unique.hash_rank.tolist() == [2, 0, 1]
    assert unique.n_train == 2


def test_the_label_of_a_content_in_several_classes_is_conflicting():
    unique = UniqueImages.from_tables(table("ab", [0, 1]), table("a", [1]))
    assert unique.labels.tolist() == [CONFLICTING, 1]


def test_augmented_copies_are_not_images_of_their_own():
    unique = UniqueImages.from_tables(table("aabb", [0, 0, 1, 1], [0, 1, 0, 1]), table("", []))
    assert unique.inverse.tolist() == [0, 1] and unique.labels.tolist() == [0, 1]


def test_images_are_put_into_the_order_of_paths_past_augmented_copies():
    train, test = table("aabb", [0, 0, 1, 1], [0, 1, 0, 1]), table("cd", [0, 1])
    train = replace(train, paths=np.array(["\U0001f600", "\U0001f600", "m", "m"]))
    test = replace(test, paths=np.array(["\uffee", "a"]))  # by code points, as Python sorts
    assert path_order(train, test).tolist() == [3, 1, 2, 0]
