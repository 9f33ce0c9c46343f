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


def test_labels_at_random_are_not_learned_out_of_fold():
    points, classes = blobs()
    wrong = np.random.default_rng(0).permutation(classes)
    outside = learner.out_of_fold(points, labels_of(wrong, np.arange(len(points))))
    assert (outside.argmax(axis=1) == wrong).mean() < 0.4
