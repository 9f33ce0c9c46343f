import numpy as np
import pytest
from scipy import stats

from classifier.common.scratch import Scratch
from classifier.dataset import orders
from stages.evaluate.estimate import Estimate, differ, estimate, ks_distance


def calibrated(rng: np.random.Generator, count: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns confidences between two classes, and which of these predictions are right."""
    confidence = 1 / (1 + np.exp(-np.abs(rng.normal(scale=scale, size=count))))
    return confidence, rng.random(count) < confidence


def estimated(
    scratch: Scratch, seed: int, scale: float, test_scale: float, count: int = 300
) -> tuple[Estimate, float]:
    """Returns the estimate for test images, and their true accuracy."""
    rng = np.random.default_rng(seed)
    known, (confidence, right) = calibrated(rng, count, scale), calibrated(rng, count, test_scale)
    novelty = np.full(count, np.nan)
    return estimate(*known, confidence, novelty, novelty, scratch), float(right.mean())


def test_the_interval_holds_the_truth(scratch):
    results = [estimated(scratch, seed, 4, 4) for seed in range(200)]
    covered = [one.accuracy_low <= truth <= one.accuracy_high for one, truth in results]
    assert np.mean(covered) >= 0.95
    assert np.mean([one.disagrees for one, _ in results]) <= 0.02
    assert np.mean([one.shift for one, _ in results]) <= 0.02


def test_harder_test_images_have_a_lower_estimate(scratch):
    results = [estimated(scratch, seed, 6, 1.2) for seed in range(20)]
    assert all(one.disagrees and one.shift for one, _ in results)
    assert np.mean([one.accuracy - truth for one, truth in results]) == pytest.approx(0, abs=0.1)
    assert all(one.accuracy_low <= truth <= one.accuracy_high for one, truth in results)


def test_images_unlike_the_training_images_lower_the_lower_end(scratch):
    rng = np.random.default_rng(1)
    known, (confidence, _) = calibrated(rng, 200, 6), calibrated(rng, 200, 6)
    novelty, others = rng.normal(size=(2, 200))
    usual = estimate(*known, confidence, novelty, others, scratch)
    others[:100] += 10
    unlike = estimate(*known, confidence, novelty, others, scratch)
    assert (usual.unlike, usual.shift) == (0, False)
    assert unlike.unlike == pytest.approx(0.5, abs=0.02) and unlike.shift
    assert unlike.accuracy_low == pytest.approx(usual.accuracy_low / 2, abs=0.02)


def test_images_on_disk_have_the_same_estimate_some_at_a_time(scratch, monkeypatch):
    rng = np.random.default_rng(2)
    (known, right), (confidence, _) = calibrated(rng, 200, 6), calibrated(rng, 200, 3)
    novelty, others = rng.normal(size=200), rng.normal(2, size=200)
    expected = estimate(known, right, confidence, novelty, others, scratch)
    monkeypatch.setattr(orders, "BLOCK", 33)
    arrays = scratch.keep(known), right, confidence, scratch.keep(novelty), others
    found = estimate(*arrays, scratch)
    assert vars(found) == pytest.approx(vars(expected)) and found.unlike > 0.1


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong_has_an_estimate(right, scratch):
    known = np.full(50, 0.9), np.full(50, right)
    novelty = np.full(50, np.nan)
    one = estimate(*known, np.full(50, 0.9), novelty, novelty, scratch)
    assert one.accuracy == right and not one.disagrees


def test_the_distance_of_two_samples_is_scipys():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=50).round(1), rng.normal(0.5, size=80).round(1)
    assert ks_distance(one, other) == pytest.approx(stats.ks_2samp(one, other).statistic)


def test_samples_differ_by_more_than_chance():
    rng = np.random.default_rng(1)
    same = [differ(*rng.normal(size=(2, 100))) for _ in range(200)]
    assert np.mean(same) <= 0.01
    assert differ(rng.normal(size=100), rng.normal(1, size=100))
