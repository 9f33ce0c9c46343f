from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier.dataset import split

content = st.integers(0, 50).map(lambda number: f"{number:064x}")
images = st.lists(st.tuples(content, st.integers(0, 3)), min_size=1, max_size=60)
LABELS = {f"{number:064x}": number % 3 for number in range(300)}


def assign(pairs, fraction=0.2, seed=1):
    units = split.units([c for c, _ in pairs])
    return split.assign(units, [label for _, label in pairs], fraction, seed)


@given(images)
def test_the_same_content_is_always_in_one_split(pairs):
    splits = {}
    for (sha256, _), name in zip(pairs, assign(pairs), strict=True):
        assert splits.setdefault(sha256, name) == name


@given(images, st.randoms())
def test_the_order_does_not_matter(pairs, random):
    before = dict(zip(pairs, assign(pairs), strict=True))
    random.shuffle(pairs)
    assert dict(zip(pairs, assign(pairs), strict=True)) == before


def test_adding_images_moves_no_other():
    pairs = list(LABELS.items())
    assert assign(pairs)[:200] == assign(pairs[:200])


@given(st.lists(content, min_size=2, max_size=5, unique=True), st.floats(0.01, 0.99))
def test_a_class_of_two_or_more_contents_is_in_both_splits(contents, fraction):
    splits = assign([(sha256, 0) for sha256 in contents], fraction)
    assert set(splits) == {"train", "validation"}


@given(st.lists(st.tuples(content, st.integers(0, 3), st.sampled_from(["", "a", "b", "c"]))))
def test_groups_and_equal_contents_are_never_on_both_sides(images):
    columns = [[one[k] for one in images] for k in range(3)]
    splits = {}
    for (sha256, _, group), name in zip(images, assign_groups(columns), strict=True):
        for key in filter(None, (sha256, group)):
            assert splits.setdefault(key, name) == name


def assign_groups(columns):
    sha256, labels, groups = columns
    return split.assign(split.units(sha256, groups), labels, 0.3, 1)


def test_adding_an_image_to_a_group_moves_no_other():
    sha256, labels = list(LABELS), list(LABELS.values())
    groups = [f"day {n // 10}" for n in range(300)]
    before = assign_groups((sha256, labels, groups))
    after = assign_groups(([*sha256, "f" * 64], [*labels, 0], [*groups, "day 3"]))
    assert after == [*before, before[30]]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_about_the_fraction_of_each_class_validates(fraction):
    pairs = list(LABELS.items())
    for label in range(3):
        splits = [
            name
            for name, (_, other) in zip(assign(pairs, fraction), pairs, strict=True)
            if other == label
        ]
        assert abs(splits.count("validation") / len(splits) - fraction) < 0.1


@given(st.integers(0, 1000))
def test_another_seed_makes_another_split(seed):
    pairs = list(LABELS.items())
    assume(seed != 1)
    assert assign(pairs, seed=seed) != assign(pairs)


def test_splits_are_written_and_read_back(tmp_path):
    split.write(tmp_path / "split.csv", ["a,b", "c"], ["train", "validation"], [3, ""])
    text = 'path,split,fold\n"a,b",train,3\nc,validation,\n'
    assert (tmp_path / "split.csv").read_text() == text
    assert split.read(tmp_path / "split.csv") == {"a,b": "train", "c": "validation"}


units = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 2)), min_size=1)


@given(units, st.randoms())
def test_folds_keep_units_together_whatever_the_order(images, random):
    folds = {}
    for _ in range(2):
        found = split.assign_folds([u for u, _ in images], [k for _, k in images], 3, 1)
        for (unit, _), fold in zip(images, found, strict=True):
            assert folds.setdefault(unit, fold) == fold in (1, 2, 3)
        random.shuffle(images)


def test_folds_have_the_same_number_of_images_of_each_class():
    labels = list(LABELS.values())
    folds = split.assign_folds(list(LABELS), labels, 5, 1)
    counts = Counter(zip(folds, labels, strict=True))
    assert set(counts.values()) == {20}
    assert folds != split.assign_folds(list(LABELS), labels, 5, 2)


def test_large_groups_are_spread_over_the_folds():
    groups = [f"day {n // 30}" for n in range(300)]
    folds = split.assign_folds(groups, [0] * 300, 5, 1)
    assert set(Counter(folds).values()) == {60}
