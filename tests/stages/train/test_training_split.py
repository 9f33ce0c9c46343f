import dataclasses

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset.features import FeatureTable
from stages.train.training_split import content_order, split_images
from tests.stages.train.samples import clusters, subset


def split(table: FeatureTable, excluded=(), seed: int = 1, copies={}) -> list[str]:  # noqa: B006
    rows = np.arange(len(table.labels))
    return split_images(table, rows, excluded, 0.25, seed, copies).tolist()


def test_about_the_requested_fraction_validates():
    assert 30 <= split(clusters()).count("validation") <= 50
    assert split(clusters()) == split(clusters()) != split(clusters(), seed=2)


def test_input_validation_alone_decides_where_it_exists():
    table = clusters(6)
    splits = table.splits.copy()
    splits[2] = "validation"
    expected = ["train", "train", "validation", "train", "train", "train"]
    assert split(dataclasses.replace(table, splits=splits)) == expected


def test_a_training_copy_of_a_validation_image_validates_too():
    table = clusters(6)
    splits, sha256 = table.splits.copy(), table.sha256.copy()
    splits[2], sha256[4] = "validation", sha256[2]
    expected = ["train", "train", "validation", "train", "validation", "train"]
    assert split(dataclasses.replace(table, splits=splits, sha256=sha256)) == expected


def test_groups_are_on_one_side_and_must_leave_images_to_validate():
    table = clusters(120)
    groups = np.array([f"patient {n % 12}" for n in range(120)])
    found = split(dataclasses.replace(table, groups=groups))
    sides = {(group, side) for group, side in zip(groups.tolist(), found, strict=True)}
    assert len(sides) == 12
    assert {side for _, side in sides} == {"train", "validation"}
    with pytest.raises(StageError, match=r"input/labels\.csv: groups must leave images to valid"):
        split(dataclasses.replace(table, groups=np.full(120, "all")))


def test_near_duplicates_are_on_one_side():
    table = clusters(120)
    groups = [n % 30 for n in range(120)]
    copies = dict(zip(table.sha256.tolist(), map(str, groups), strict=True))
    sides = set(zip(groups, split(table, copies=copies), strict=True))
    assert len(sides) == 30
    assert {side for _, side in sides} == {"train", "validation"}


def test_near_duplicates_that_are_a_whole_class_are_split():
    table = clusters(120)
    alike = table.sha256[table.labels == 0].tolist()
    found = np.array(split(table, copies=dict.fromkeys(alike, min(alike))))
    assert set(found[table.labels == 0]) == {"train", "validation"}


def test_excluded_images_change_the_split_of_no_other():
    table = clusters()
    before, after = split(table), split(table, table.paths[:20])
    assert after == ["excluded"] * 20 + before[20:]


def test_a_class_with_no_image_left_to_train_on_is_an_error():
    table = clusters(12)
    with pytest.raises(StageError, match=r"input/train/a: needs images to train on"):
        split(table, table.paths[table.labels == 0])


def test_the_order_depends_on_content_only():
    table = clusters(9)
    shuffled = subset(table, np.random.default_rng(1).permutation(9))
    for one in (table, shuffled):
        order = content_order(one, np.arange(9), np.array(["train"] * 9))
        assert one.sha256[order].tolist() == sorted(table.sha256)
    splits = np.array(["train"] * 8 + ["excluded"])
    assert 8 not in content_order(table, np.arange(9), splits)


def test_a_near_copy_of_a_validation_image_does_not_train():
    table = clusters(60)
    splits = np.array(["train"] * 60, "<U10")
    splits[:6] = "validation"
    copies = {table.sha256[50]: table.sha256[3], table.sha256[3]: table.sha256[3]}
    found = split(dataclasses.replace(table, splits=splits), copies=copies)
    assert found == ["validation"] * 6 + ["train"] * 44 + ["validation"] + ["train"] * 9
