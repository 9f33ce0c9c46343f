import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from classifier.dataset import orders
from classifier.evaluation import scored_images, thresholds

NAMES = ("cat", "dog")


@pytest.fixture(params=[10**6, 7], autouse=True)
def _block(request, monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", request.param)


def two_classes(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, count)
    dog = np.round(np.clip(0.3 + 0.4 * labels + rng.normal(0, 0.25, count), 0.01, 0.99), 2)
    return np.column_stack([1 - dog, dog]), labels


def test_the_rates_are_scikit_learns():
    probabilities, labels = two_classes()
    rows = thresholds.rows(scored_images.score(probabilities, labels, NAMES), NAMES)
    false, true, at = sklearn_metrics.roc_curve(
        labels, probabilities[:, 1], drop_intermediate=False
    )
    expected = np.column_stack([at, true, false])[1:]  # theirs begins with an infinite threshold
    np.testing.assert_allclose(np.array([row[:3] for row in rows], float), expected, atol=1e-4)


def test_the_precisions_are_scikit_learns():
    probabilities, labels = two_classes()
    for row in thresholds.rows(scored_images.score(probabilities, labels, NAMES), NAMES)[:-1]:
        predicted = probabilities[:, 1] >= float(row[0]) - 1e-9
        theirs = [
            sklearn_metrics.precision_score(labels, predicted, pos_label=label) for label in (1, 0)
        ]
        assert [float(cell) for cell in row[3:]] == pytest.approx(theirs, abs=1e-4)


def test_more_classes_have_no_thresholds():
    scored = scored_images.score(np.full((1, 3), 1 / 3), np.array([0]), ("ant", *NAMES))
    assert thresholds.rows(scored, ("ant", *NAMES)) == []
