import dataclasses

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset.features import FeatureTable, hex_hashes
from stages.train.plan import Plan, content_order, make_plan
from tests.stages.train.samples import clusters, settings, subset


def plan(table: FeatureTable, excluded=(), copies={}, **changes: object) -> Plan:  # noqa: B006
    rows = np.arange(len(table.labels))
    return make_plan(table, rows, excluded, copies, settings(**changes))


def split(table: FeatureTable, excluded=(), seed: int = 1, copies={}) -> list[str]:  # noqa: B006
    return names(plan(table, excluded, copies, seed=seed), table)


def names(one: Plan, table: FeatureTable) -> list[str]:
    rows = np.arange(len(one.rounds))
    return [name for _, name, _ in one.split_rows(rows, table.paths, rows)]


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
    with pytest.raises(StageError, match=r"groups of images: must leave images to validate"):
        split(dataclasses.replace(table, groups=np.full(120, "all")))


def test_near_duplicates_are_on_one_side():
    table = clusters(120)
    groups = [n % 30 for n in range(120)]
    copies = dict(zip(hex_hashes(table.sha256), map(str, groups), strict=True))
    sides = set(zip(groups, split(table, copies=copies), strict=True))
    assert len(sides) == 30
    assert {side for _, side in sides} == {"train", "validation"}


def test_near_duplicates_that_are_a_whole_class_are_split():
    table = clusters(120)
    alike = hex_hashes(table.sha256[table.labels == 0])
    found = np.array(split(table, copies=dict.fromkeys(alike, min(alike))))
    assert set(found[table.labels == 0]) == {"train", "validation"}


def test_bursts_are_on_one_side_unless_one_holds_a_whole_class():
    table = clusters(120)
    groups = np.array([f"exif: {n % 12}" for n in range(120)])
    sides = set(zip(groups.tolist(), split(dataclasses.replace(table, groups=groups)), strict=True))
    assert len(sides) == 12
    groups = np.where(table.labels == 0, "exif: one", "")
    found = np.array(split(dataclasses.replace(table, groups=groups)))
    assert set(found[table.labels == 0]) == {"train", "validation"}


def test_a_burst_does_not_follow_a_copy_of_a_validation_image():
    table = clusters(6)
    splits, sha256 = table.splits.copy(), table.sha256.copy()
    splits[2], sha256[4] = "validation", sha256[2]
    groups = np.array(["exif: one" if n in (1, 4) else "" for n in range(6)])
    table = dataclasses.replace(table, splits=splits, sha256=sha256, groups=groups)
    assert split(table) == ["train", "train", "validation", "train", "validation", "train"]


def test_excluded_images_change_the_split_of_no_other():
    table = clusters()
    before, after = plan(table), plan(table, table.paths[:20].tolist())
    assert (before.rounds == after.rounds).all()
    assert not after.trains[:20].any() and after.trains[20:].all()


def test_excluded_images_validate_all_the_same():
    table = clusters()
    one = plan(table, table.paths[:20].tolist(), folds=5)
    assert set(one.rounds) == {1, 2, 3, 4, 5}
    assert names(one, table) == ["excluded"] * 20 + ["train"] * 140


def test_every_image_validates_in_one_of_the_folds():
    table = clusters()
    one = plan(table, folds=4)
    assert one.cross_validated and not len(one.random_folds)
    for label in range(3):
        counts = np.bincount(one.rounds[table.labels == label], minlength=5)
        assert counts[0] == 0 and np.ptp(counts[1:]) <= 1


def test_groups_are_in_one_fold_and_torn_apart_by_random_folds():
    table = clusters(120)
    table = dataclasses.replace(table, groups=np.array([f"patient {n % 12}" for n in range(120)]))
    one = plan(table, folds=3)
    assert len(set(zip(table.groups.tolist(), one.rounds.tolist(), strict=True))) == 12
    assert len(set(zip(table.groups.tolist(), one.random_folds.tolist(), strict=True))) > 30


def test_a_class_in_one_group_cannot_be_cross_validated():
    table = clusters(30)
    groups = np.where(table.labels == 1, "tripod", "")
    with pytest.raises(StageError, match=r"input/train/b: needs images to train on in every fold"):
        plan(dataclasses.replace(table, groups=groups), folds=5)


def test_a_class_with_no_image_left_to_train_on_is_an_error():
    table = clusters(12)
    with pytest.raises(StageError, match=r"input/train/a: needs images to train on"):
        split(table, table.paths[table.labels == 0].tolist())


def test_most_images_are_used_whatever_is_excluded():
    table = clusters(400)
    one = plan(table, most=100, folds=5)
    assert len(one.images) == len(one.rounds) == 100 and one.trains.all()
    other = plan(table, table.paths[one.images[:9]].tolist(), most=100, folds=5)
    assert (other.images == one.images).all() and (other.rounds == one.rounds).all()
    with pytest.raises(StageError, match=r"got none: raise train.most, add some"):
        plan(table, most=2, folds=5)


def test_the_order_depends_on_content_only():
    table = clusters(9)
    shuffled = subset(table, np.random.default_rng(1).permutation(9))
    for one in (table, shuffled):
        assert one.sha256[content_order(one, np.arange(9))].tolist() == sorted(table.sha256)


def test_a_near_copy_of_a_validation_image_does_not_train():
    table = clusters(60)
    splits = np.array(["train"] * 60, "<U10")
    splits[:6] = "validation"
    one, other = hex_hashes(table.sha256[[3, 50]])
    copies = {other: one, one: one}
    found = split(dataclasses.replace(table, splits=splits), copies=copies)
    assert found == ["validation"] * 6 + ["train"] * 44 + ["validation"] + ["train"] * 9
