import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from classifier import temperature

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 500)
LOGITS = 2 * np.eye(4)[LABELS] + RNG.normal(0, 1.5, (500, 4))


def loss(factor: float, weights: np.ndarray, scale: float = 1.0) -> float:
    probabilities = np.exp(temperature.log_probabilities(factor * scale * LOGITS))
    return log_loss(LABELS, probabilities, sample_weight=weights)


@pytest.mark.parametrize("scale", [1e-3, 1, 200])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_factor_has_the_lowest_log_loss(scale, weighted):
    weights = 1.0 + weighted * (LABELS == 2)
    expected = minimize_scalar(loss, (0.1 / scale, 1 / scale), args=(weights, scale)).x
    found = temperature.fit((scale * LOGITS).astype(np.float32), LABELS, weights)
    assert found == pytest.approx(expected, rel=0.02)


def test_the_log_loss_is_scikit_learns():
    weights = RNG.random(500)
    found = temperature.log_loss(temperature.log_probabilities(LOGITS), LABELS, weights)
    assert found == pytest.approx(loss(1, weights))


def test_perfect_and_useless_predictions_have_a_finite_factor():
    for logits in (np.eye(4)[LABELS], np.zeros((500, 4)), -np.eye(4)[LABELS]):
        assert 0 < temperature.fit(logits, LABELS, np.ones(500)) < 20
