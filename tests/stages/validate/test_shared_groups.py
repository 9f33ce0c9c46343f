from pathlib import Path

import pytest

from classifier.dataset.folders import InputFile
from stages.validate import external_sort, shared_groups
from stages.validate.shared_groups import SharedGroups


@pytest.fixture(params=[external_sort.SORTED, 7])
def collected(request, scratch, monkeypatch):
    """Returns what is found in the groups and splits of some images, sorted as a whole or not."""
    monkeypatch.setattr(external_sort, "SORTED", request.param)

    def splits(pairs):
        files = [InputFile(Path(f"{n}.jpg"), split, "", group) for n, (group, split) in pairs]
        groups = SharedGroups(scratch)
        assert list(groups.watched(files)) == files
        return groups.splits(files)

    return lambda pairs: splits(list(enumerate(pairs)))


def test_only_groups_of_more_than_one_split_are_found(collected):
    own = [(f"group {n % 20}", "train") for n in range(100)]
    other = [(f"group {n}", "test") for n in (3, 17, 40, 41, 40)]
    outside = [("", "train"), ("", "test"), ("group 5", "none"), ("group 6", "unlabelled")]
    assert collected([*own, *outside, *other]) == {
        "group 17": ["test", "train"],
        "group 3": ["test", "train"],
    }


def test_all_splits_of_a_group_are_named(collected):
    pairs = [("a", "train"), ("b", "test"), ("a", "validation"), ("a", "test"), ("a", "train")]
    assert collected(pairs) == {"a": ["test", "train", "validation"]}


def test_not_more_groups_than_are_shown_are_found(collected):
    pairs = [(str(n), split) for n in range(200) for split in 3 * ("train", "test")]
    assert len(collected(pairs)) == shared_groups.SHOWN


def test_without_groups_there_is_nothing_to_find(collected):
    assert collected([("", "train"), ("", "test")]) == {}
