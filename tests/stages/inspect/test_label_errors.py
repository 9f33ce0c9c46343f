from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from classifier.common.scratch import Scratch
from stages.inspect import label_errors

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
    n_train = len(labels) if n_train is None else n_train
    with TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        return label_errors.find(values, labels, groups, n_train, scratch)


def suggested(errors, count):
    """Returns the suggested class of each image; -1: none."""
    found = np.full(count, -1)
    found[errors.images] = errors.suggested
    return found


def test_wrong_labels_are_found_with_the_right_class_and_few_false_alarms(clusters):
    values, labels = clusters
    changed = np.random.default_rng(2).choice(len(labels), 20, replace=False)
    given = labels.copy()
    given[changed] = (given[changed] + 1) % CLASSES
    errors = find(values, given)
    assert len(set(changed) & set(errors.images)) >= 19 and len(errors.images) <= 22
    right = suggested(errors, len(labels))[changed] == labels[changed]
    assert right.sum() >= 19
    assert (errors.probability > errors.self_confidence).all()


def test_images_that_are_not_trained_on_are_checked_too(clusters):
    values, labels = clusters
    labels[7] = 2
    more = np.concatenate([values, values[:1] + 0.1, values[:1] + 0.2])
    errors = find(more, np.concatenate([labels, [1, -1]]), len(labels))
    found = suggested(errors, len(more))
    assert found[[7, -2, -1]].tolist() == [0, 0, -1]
    own = errors.images < len(labels)
    assert np.array_equal(errors.probability[own], find(values, labels).probability)


def test_copies_do_not_confirm_each_others_label(clusters):
    values, labels = clusters
    copies = np.repeat(values[:1], 40, axis=0)  # nearly as many as the class has images
    more, given = np.concatenate([values, copies]), np.concatenate([labels, np.full(40, 1)])
    given[0] = 1
    groups = np.append(np.arange(len(labels)), np.zeros(40, int))
    both = find(more, given, groups=groups), find(more, given)
    found = [suggested(errors, len(more))[[0, -1]].tolist() for errors in both]
    assert found == [[0, 0], [-1, -1]]


def test_small_classes_are_not_checked(clusters):
    values, labels = clusters
    labels[-3:] = CLASSES  # three images in a class of their own
    labels[7] = 2
    errors = find(values, labels)
    assert 7 in errors.images and max(errors.images) < len(labels) - 3
    assert CLASSES not in errors.suggested
    assert len(find(values[:8], labels[:8]).images) == 0
