import numpy as np
import pytest

from stages.inspect import label_errors
from stages.inspect.lda import FOLDS

CLASSES, PER_CLASS, DIMENSIONS = 4, 60, 6


@pytest.fixture
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """Well separated classes: (N, K) values and their labels."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(CLASSES), PER_CLASS)
    values = 6 * np.eye(CLASSES, DIMENSIONS)[labels] + rng.normal(size=(len(labels), DIMENSIONS))
    return values.astype(np.float32), labels


def find(values, labels, n_train=None, groups=None):
    groups = np.arange(len(labels)) if groups is None else groups
    return label_errors.find(values, labels, groups, len(labels) if n_train is None else n_train)


def test_wrong_labels_are_found_with_the_right_class_and_few_false_alarms(clusters):
    values, labels = clusters
    changed = np.random.default_rng(2).choice(len(labels), 20, replace=False)
    given = labels.copy()
    given[changed] = (given[changed] + 1) % CLASSES
    result = find(values, given)
    reported = np.flatnonzero(result.suggested >= 0)
    assert len(set(changed) & set(reported)) >= 19 and len(reported) <= 22
    right = result.suggested[changed] == labels[changed]
    assert right.sum() >= 19
    assert (result.probability[changed][right] > result.self_confidence[changed][right]).all()


def test_images_that_are_not_trained_on_are_checked_too(clusters):
    values, labels = clusters
    more = np.concatenate([values, values[:1] + 0.1, values[:1] + 0.2])
    result = find(more, np.concatenate([labels, [1, -1]]), len(labels))
    assert result.suggested[-2:].tolist() == [0, -1]
    assert np.array_equal(result.probability[:-2], find(values, labels).probability)


def test_copies_do_not_confirm_each_others_label(clusters):
    values, labels = clusters
    copies = np.repeat(values[:1], 40, axis=0)  # nearly as many as the class has images
    more, given = np.concatenate([values, copies]), np.concatenate([labels, np.full(40, 1)])
    given[0] = 1
    groups = np.append(np.arange(len(labels)), np.zeros(40, int))
    assert (find(more, given, groups=groups).suggested[[0, -1]] == 0).all()
    assert (find(more, given).suggested[[0, -1]] == -1).all()


def test_small_classes_are_not_checked(clusters):
    values, labels = clusters
    labels[-3:] = CLASSES  # three images in a class of their own
    result = find(values, labels)
    assert (result.suggested[-3:] == -1).all() and CLASSES not in result.suggested
    of_one_class = find(values[:8], labels[:8])
    assert (of_one_class.suggested == -1).all()


def test_the_groups_of_a_class_are_dealt_out_to_the_folds_in_turn():
    labels = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0])
    groups = np.array([9, 4, 2, 8, 4, 5, 6, 7, 1])
    folds = label_errors.stratified_group_folds(labels, groups)
    assert folds.tolist() == [1, 2, 1, 0, 2, 3, 4, 0, 0]
    assert FOLDS == 5
