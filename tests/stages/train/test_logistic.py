from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.linalg import cholesky
from sklearn.covariance import shrunk_covariance
from sklearn.linear_model import LogisticRegression

from classifier.common.errors import StageError
from classifier.discriminant import Coordinates
from classifier.head import softmax
from stages.train import logistic
from stages.train.cross_validation import Samples
from stages.train.discriminant import Discriminant
from stages.train.logistic import Logistic
from tests.stages.train.samples import clusters


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 5)])
def test_it_is_scikit_learns_on_whitened_features(weights, monkeypatch):
    monkeypatch.setattr(logistic, "TOLERANCE", 1e-6)
    table = clusters()
    rows, folds = np.arange(160), np.arange(160) % 4 + 1
    coordinates = Coordinates.of(table.features, rows, slice(None), 1)
    samples = Samples(rows[:, None], table.labels, folds, np.ones(160, bool), np.array(weights))
    with ThreadPoolExecutor(1) as pool:
        model = Logistic(Discriminant(coordinates, samples, pool), 0.3, samples)
    for fold, strength in ((0, 1.0), (3, 1.0), (3, 0.01)):
        kept = folds != fold
        values, labels = table.features[kept].astype(float), table.labels[kept]
        means = np.array([values[labels == k].mean(axis=0) for k in range(3)])
        within = values - means[labels]
        covariance = shrunk_covariance(within.T @ within / len(values), shrinkage=0.3)
        factor = cholesky(covariance, lower=True)
        balance = dict(enumerate(weights))
        theirs = LogisticRegression(C=strength, class_weight=balance, tol=1e-6, max_iter=1000)
        theirs.fit(np.linalg.solve(factor, values.T).T, labels)
        expected = theirs.predict_proba(np.linalg.solve(factor, table.features.T).T)
        ours = softmax(coordinates.logits(rows, model.fit(fold, strength)))
        assert ours == pytest.approx(expected, abs=3e-3)


def test_equal_images_of_two_classes_span_one_dimension_and_are_fitted():
    features, labels = np.ones((40, 64), np.float32), np.arange(40) % 2
    rows, folds = np.arange(40), np.arange(40) // 2 % 5 + 1
    coordinates = Coordinates.of(features, rows, slice(None), 1)
    samples = Samples(rows[:, None], labels, folds, np.ones(40, bool), np.ones(2))
    with ThreadPoolExecutor(1) as pool:
        model = Logistic(Discriminant(coordinates, samples, pool), 0.3, samples)
    first, again = (model.fit(1, 0.01) for _ in range(2))
    assert coordinates.size == 1
    assert softmax(coordinates.logits(rows, first)) == pytest.approx(np.full((40, 2), 0.5))
    assert again[0] == pytest.approx(first[0])


def test_too_little_memory_is_an_error_that_names_the_remedy(monkeypatch):
    monkeypatch.setattr(logistic, "free_memory", lambda: 2_000_000_000)
    images = np.zeros(100_000, int)
    samples = Samples(images[:, None], images, np.arange(100_000) % 5, images == 0, np.ones(2))
    rule = (
        r"6.6 GB for 100,000 images, 2.0 GB are free\); got mean: .* train.most to 30000 or fewer"
    )
    with pytest.raises(StageError, match=rule):
        logistic.require_memory(samples, 2048, "mean")
    logistic.require_memory(samples, 512, "mean")
