import numpy as np
import pytest

from stages.inspect import label_errors
from stages.inspect.lda import FOLDS

CLASSES, EACH, AXES = 4, 60, 6


@pytest.fixture
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """Well separated classes: (N, K) values and their labels."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(CLASSES), EACH)
    values = 6 * np.eye(CLASSES, AXES)[labels] + rng.normal(size=(len(labels), AXES))
    return values.astype(np.float32), labels


def find(values, labels, count=None, groups=None):
    groups = np.arange(len(labels)) if groups is None else groups
    return label_errors.find(values, labels, groups, len(labels) if count is None else count)


def test_moved_images_are_found_with_their_class_and_hardly_any_other(clusters):
    values, labels = clusters
    moved = np.random.default_rng(2).choice(len(labels), 20, replace=False)
    given = labels.copy()
    given[moved] = (given[moved] + 1) % CLASSES
    found = find(values, given)
    doubted = np.flatnonzero(found.suggested >= 0)
    assert len(set(moved) & set(doubted)) >= 19 and len(doubted) <= 22
    right = found.suggested[moved] == labels[moved]
    assert right.sum() >= 19
    assert (found.chance[moved][right] > found.own[moved][right]).all()


def test_images_that_are_not_learned_from_are_judged_too(clusters):
    values, labels = clusters
    more = np.concatenate([values, values[:1] + 0.1, values[:1] + 0.2])
    found = find(more, np.concatenate([labels, [1, -1]]), len(labels))
    assert found.suggested[-2:].tolist() == [0, -1]
    assert np.array_equal(found.chance[:-2], find(values, labels).chance)


def test_copies_do_not_vouch_for_each_other(clusters):
    values, labels = clusters
    copies = np.repeat(values[:1], 40, axis=0)  # as many again as the class has
    more, given = np.concatenate([values, copies]), np.concatenate([labels, np.full(40, 1)])
    given[0] = 1
    groups = np.append(np.arange(len(labels)), np.zeros(40, int))
    assert (find(more, given, groups=groups).suggested[[0, -1]] == 0).all()
    assert (find(more, given).suggested[[0, -1]] == -1).all()


def test_nothing_is_said_of_small_classes(clusters):
    values, labels = clusters
    labels[-3:] = CLASSES  # three images of a class of their own
    found = find(values, labels)
    assert (found.suggested[-3:] == -1).all() and CLASSES not in found.suggested
    few = find(values[:8], labels[:8])  # of one class
    assert (few.suggested == -1).all()


def test_groups_of_a_class_take_turns():
    labels = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0])
    groups = np.array([9, 4, 2, 8, 4, 5, 6, 7, 1])
    folds = label_errors.stratified_group_folds(labels, groups)
    assert folds.tolist() == [1, 2, 1, 0, 2, 3, 4, 0, 0]
    assert FOLDS == 5
