import numpy as np
import pytest
from scipy import stats

from classifier.evaluation import drift
from classifier.evaluation.drift import Tally
from classifier.evaluation.drift_reference import Reference
from classifier.evaluation.intervals import Z95

RNG = np.random.default_rng(5)
KNOWN = np.sort(RNG.normal(size=500))
NAMES = ["cat", "dog"]


def tally(novelty, classes=None) -> Tally:
    result = Tally(Reference(500, int((KNOWN > 2.3).sum()), np.array([300, 200]), KNOWN), 2.3)
    classes = RNG.choice(2, len(novelty), p=[0.6, 0.4]) if classes is None else classes
    for best, score in zip(classes, novelty, strict=True):
        result.add(int(best), float(score))
    return result


def drifted(one: Tally, tolerance=0.05) -> list[str]:
    return [m.name for m in drift.measures(one, NAMES, tolerance) if m.drifted]


def test_the_interval_of_a_difference_is_the_published_one():
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10
    interval = drift.difference(56, 70, 48, 80, Z95)
    assert interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_distance_is_the_area_under_the_curve():
    novelty = np.round(RNG.normal(0.5, 1, 40), 1)
    _, distance, *_ = drift.measures(tally(novelty), NAMES, 0.05)
    u = stats.mannwhitneyu(novelty, KNOWN).statistic
    assert distance.share == pytest.approx(u / 40 / 500)


def test_images_like_the_training_images_are_no_drift_in_99_of_100_folders():
    folders = [drifted(tally(RNG.normal(size=100)), tolerance=0) for _ in range(200)]
    assert sum(map(bool, folders)) <= 6  # 2 expected; more than 6 in one of 200 runs of this test


def test_each_kind_of_drift_is_found_and_named():
    assert drifted(tally(RNG.normal(1.5, 1, 300)))[:2] == ["unknown", "further than usual"]
    assert drifted(tally(RNG.normal(size=300), np.zeros(300))) == NAMES
    assert drifted(tally(np.full(10, -3.0), [0, 1] * 5)) == []  # closer than usual is fine


def test_a_difference_within_the_tolerance_is_no_drift():
    one = tally(RNG.normal(size=20_000), RNG.choice(2, 20_000, p=[0.51, 0.49]))
    assert drifted(one, tolerance=0.2) == []
