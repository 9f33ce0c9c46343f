import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from classifier.evaluation import metrics, scored_images
from tests.evaluation.cases import NAMES, random_case


def computed(seed: int, count: int = 200) -> dict[str, float]:
    return metrics.compute(scored_images.score(*random_case(seed, count), NAMES))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_metrics_are_scikit_learns(seed, count):
    probabilities, labels = random_case(seed, count)
    ours, predicted = computed(seed, count), probabilities.argmax(axis=1)
    assert ours["accuracy"] == pytest.approx(
        sklearn_metrics.accuracy_score(labels, predicted), abs=1e-6
    )
    theirs = sklearn_metrics.f1_score(labels, predicted, average="macro", zero_division=0)
    assert ours["macro_f1"] == pytest.approx(theirs, abs=1e-6)
    theirs = sklearn_metrics.log_loss(labels, probabilities, labels=range(4))
    assert ours["log_loss"] == pytest.approx(theirs, abs=1e-6)
    theirs = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=3, labels=range(4))
    assert ours["top_3_accuracy"] == pytest.approx(theirs, abs=1e-6)
    assert ours["n"] == count


def test_metrics_of_a_table_made_by_hand():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    ours = metrics.compute(
        scored_images.score(probabilities, np.array([0, 0, 1, 1]), ("no", "yes"))
    )
    assert ours["accuracy"] == 0.75
    assert ours["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2, abs=1e-6)
    assert ours["top_3_accuracy"] == 1
    gaps = (1 - 0.6) + (1 - 0.9) + (1 - 0.8) + 0.7  # each in a bin of its own
    assert ours["expected_calibration_error"] == pytest.approx(gaps / 4, abs=1e-6)


def test_a_certain_error_has_a_finite_loss():
    ours = metrics.compute(
        scored_images.score(np.array([[1.0, 0.0]]), np.array([1]), ("no", "yes"))
    )
    assert 30 < ours["log_loss"] < 40
