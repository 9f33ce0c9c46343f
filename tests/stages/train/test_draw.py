from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier.dataset.features import binary_hashes
from stages.train import draw
from stages.train.units import Units, find_units

content = st.integers(0, 50).map(lambda number: f"{number:064x}")
images = st.lists(st.tuples(content, st.integers(0, 3)), min_size=1, max_size=60)
LABELS = {f"{number:064x}": number % 3 for number in range(300)}


def units_of(sha256, groups=None) -> Units:
    contents, places = np.unique(binary_hashes(sha256), return_inverse=True)
    names = sorted({*(groups or ())} - {""})
    group = np.array([names.index(one) if one else -1 for one in groups or [""] * len(sha256)], int)
    return find_units(contents, places, names, group, np.full(len(contents), -1))


def validates(pairs, fraction=0.2, seed=1) -> list[bool]:
    labels = np.array([label for _, label in pairs])
    return draw.validates(units_of([c for c, _ in pairs]), labels, fraction, seed).tolist()


@given(images)
def test_the_same_content_is_always_in_one_split(pairs):
    splits = {}
    for (sha256, _), one in zip(pairs, validates(pairs), strict=True):
        assert splits.setdefault(sha256, one) == one


@given(images, st.randoms())
def test_the_order_does_not_matter(pairs, random):
    before = dict(zip(pairs, validates(pairs), strict=True))
    random.shuffle(pairs)
    assert dict(zip(pairs, validates(pairs), strict=True)) == before


def test_adding_images_moves_no_other():
    pairs = list(LABELS.items())
    assert validates(pairs)[:200] == validates(pairs[:200])


@given(st.lists(content, min_size=2, max_size=5, unique=True), st.floats(0.01, 0.99))
def test_a_class_of_two_or_more_contents_is_in_both_splits(contents, fraction):
    assert set(validates([(sha256, 0) for sha256 in contents], fraction)) == {False, True}


@given(st.lists(st.tuples(content, st.integers(0, 3), st.sampled_from(["", "a", "b", "c"]))))
def test_groups_and_equal_contents_are_never_on_both_sides(images):
    columns = [[one[k] for one in images] for k in range(3)]
    splits = {}
    for (sha256, _, group), one in zip(images, validates_in_groups(*columns), strict=True):
        for key in filter(None, (sha256, group)):
            assert splits.setdefault(key, one) == one


def validates_in_groups(sha256, labels, groups) -> list[bool]:
    return draw.validates(units_of(sha256, groups), np.array(labels, int), 0.3, 1).tolist()


def test_adding_an_image_to_a_group_moves_no_other():
    sha256, labels = list(LABELS), list(LABELS.values())
    groups = [f"day {n // 10}" for n in range(300)]
    before = validates_in_groups(sha256, labels, groups)
    after = validates_in_groups([*sha256, "f" * 64], [*labels, 0], [*groups, "day 3"])
    assert after == [*before, before[30]]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_about_the_fraction_of_each_class_validates(fraction):
    found, labels = np.array(validates(list(LABELS.items()), fraction)), np.arange(300) % 3
    for label in range(3):
        assert abs(found[labels == label].mean() - fraction) < 0.1


@given(st.integers(0, 1000))
def test_another_seed_makes_another_split(seed):
    pairs = list(LABELS.items())
    assume(seed != 1)
    assert validates(pairs, seed=seed) != validates(pairs)


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 2)), min_size=1))
def test_folds_keep_units_together_whatever_the_order(images):
    folds = {}
    for one in (images, images[::-1]):
        units, labels = Units.of([unit for unit, _ in one]), np.array([label for _, label in one])
        for (unit, _), fold in zip(one, draw.folds(units, labels, 3, 1).tolist(), strict=True):
            assert folds.setdefault(unit, fold) == fold in (1, 2, 3)


def test_folds_have_the_same_number_of_images_of_each_class():
    labels = np.arange(300) % 3
    folds = draw.folds(units_of(LABELS), labels, 5, 1)
    assert set(Counter(zip(folds.tolist(), labels.tolist(), strict=True)).values()) == {20}
    assert (folds != draw.folds(units_of(LABELS), labels, 5, 2)).any()


@pytest.mark.parametrize("count", [127, 128, 255, 300])
def test_there_may_be_as_many_folds_as_images(count):
    folds = draw.folds(units_of(LABELS), np.zeros(300, int), count, 1)
    assert set(folds.tolist()) == set(range(1, count + 1))


def test_large_groups_are_spread_over_the_folds():
    groups = Units.of([f"day {n // 30}" for n in range(300)])
    folds = draw.folds(groups, np.zeros(300, int), 5, 1)
    assert np.bincount(folds).tolist() == [0, 60, 60, 60, 60, 60]


def most(count, labels=np.arange(2000) // 500, always=None, groups=None) -> np.ndarray:  # noqa: B008
    hashes = [f"{n * 2654435761 % 2**32:08x}" + 56 * "0" for n in range(len(labels))]
    if always is None:
        always = np.zeros(len(labels), bool)
    return draw.most(units_of(hashes, groups), labels, always, count)


def test_most_uses_the_same_fraction_of_each_class_and_few_images_first():
    labels = np.repeat([0, 1, 2], [30, 300, 3000])
    used = most(333, labels)
    assert np.bincount(labels[used]).tolist() == [20, 29, 284]
    assert (used <= most(1000, labels)).all()


def test_most_uses_the_images_with_the_lowest_hashes():
    hashes = np.arange(2000) * 2654435761 % 2**32
    assert (hashes[most(200)] < 0.2 * 2**32).all()


def test_most_keeps_groups_intact_and_counts_no_image_of_input_validation():
    groups = [f"day {n // 4}" if n % 3 else "" for n in range(2000)]
    always = np.arange(2000) < 100
    used = most(500, always=always, groups=groups)
    sides = {one for one in zip(groups, used.tolist(), strict=True) if one[0]}
    assert used[:100].all() and len(sides) == len({group for group, _ in sides})
    assert 490 <= used[100:].sum() <= 500
