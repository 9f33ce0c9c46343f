import numpy as np
from sklearn.decomposition import PCA

from classifier.labelling import learner
from tests.labelling.blobs import blobs, labels_of


def test_axes_are_those_of_scikit_learn_on_square_roots():
    features = np.random.default_rng(0).random((50, 20)).astype(np.float32)
    points = learner.principal_axes(features)
    expected = PCA(20).fit_transform(np.sqrt(features))
    np.testing.assert_allclose(np.abs(points), np.abs(expected), atol=1e-3)


def test_few_labels_teach_classes_that_lie_apart():
    points, classes = blobs()
    layer = learner.fit(points, labels_of(classes, np.arange(12)))
    predicted = learner.logits(points, layer).argmax(axis=1)
    assert (predicted == classes).mean() > 0.95


def test_images_without_a_label_teach_too():
    points, classes = blobs(each=100, spread=2)
    labels = labels_of(classes, np.arange(12))
    right = [
        (learner.logits(points, layer).argmax(axis=1) == classes).mean()
        for layer in (learner.fit(points, labels), learner.fit_all(points, labels))
    ]
    assert right[1] > right[0] + 0.05


def test_images_of_no_class_teach_nothing():
    points, classes = blobs(each=100, spread=2)
    labels = labels_of(classes, np.arange(100))
    strange = np.random.default_rng(0).normal(size=(400, 32)) - 2 * points.mean(axis=0) - 3
    with_strange = np.concatenate([points, strange.astype(np.float32)])
    right = [
        (learner.logits(points, learner.fit_all(some, labels)).argmax(axis=1) == classes).mean()
        for some in (points, with_strange)
    ]
    assert right[1] > right[0] - 0.01


def test_with_all_labels_nothing_is_guessed():
    points, classes = blobs()
    labels = labels_of(classes, np.arange(len(points)))
    np.testing.assert_array_equal(
        learner.fit_all(points, labels)[0], learner.fit(points, labels)[0]
    )


def test_labels_at_random_are_not_learned_out_of_fold():
    points, classes = blobs()
    wrong = np.random.default_rng(0).permutation(classes)
    outside = learner.out_of_fold(points, labels_of(wrong, np.arange(len(points))))
    assert (outside.argmax(axis=1) == wrong).mean() < 0.4


def test_the_only_label_of_a_class_is_not_right_by_elimination():
    points, classes = blobs(n_classes=10)
    labels = labels_of(classes, np.append(np.flatnonzero(classes < 6)[:30], [6, 7, 8, 9]))
    outside = learner.out_of_fold(points, labels)
    right = outside.argmax(axis=1) == labels.classes
    assert right[:30].mean() > 0.9 and not right[30:].any()


def test_closed_images_teach_nothing():
    points, classes = blobs(each=100, spread=2)
    labels, closed = labels_of(classes, np.arange(12)), np.arange(200, 400)
    layers = learner.fit_all(points, labels, closed), learner.fit_all(points[:200], labels)
    np.testing.assert_array_equal(layers[0][0], layers[1][0])
    outside = learner.out_of_fold(points, labels, closed)
    np.testing.assert_array_equal(outside, learner.out_of_fold(points[:200], labels))
