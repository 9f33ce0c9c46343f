import numpy as np
import pytest

from classifier.labelling import estimates, learner
from tests.labelling.blobs import blobs, labels_of


def test_the_estimate_is_near_the_accuracy_on_new_images():
    points, classes = blobs(n_classes=5, each=400, spread=2.2)
    labels = labels_of(classes, np.arange(150))
    (*_, (number, accuracy)) = estimates.curve(
        points, labels, *estimates.probabilities(points, labels)
    )
    predicted = learner.logits(points, learner.fit_all(points, labels)).argmax(axis=1)
    assert number == 150
    assert accuracy == pytest.approx((predicted == classes)[150:].mean(), abs=0.08)


def test_few_labels_have_no_estimate():
    points, classes = blobs()
    labels = labels_of(classes, np.arange(8))
    assert estimates.curve(points, labels, *estimates.probabilities(points, labels)) == []
    assert estimates.gain([(20, 0.5), (30, 0.6)]) is None


def test_the_gain_follows_the_power_of_the_curve():
    points = [(n, 1 - 2 * n**-0.5) for n in (25, 50, 75, 100)]
    assert estimates.gain(points) == pytest.approx(2 * 100**-0.5 - 2 * 150**-0.5)


def test_classes_of_one_label_have_no_estimate():
    points, classes = blobs(n_classes=30, each=2)
    labels = labels_of(classes, np.arange(30))
    shares, right = estimates.probabilities(points, labels)
    assert np.isfinite(shares).all() and not right.any()
    assert estimates.curve(points, labels, shares, right) == []


def test_closed_images_do_not_count():
    points, classes = blobs(each=100, spread=2)
    labels, closed = labels_of(classes, np.arange(40)), np.arange(200, 400)
    found = estimates.probabilities(points, labels, closed)
    few = estimates.probabilities(points[:200], labels)
    expected = estimates.curve(points[:200], labels, *few)
    assert estimates.curve(points, labels, *found, closed) == pytest.approx(np.array(expected))
