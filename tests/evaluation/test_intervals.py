import numpy as np
import pytest
from scipy import stats

from classifier.dataset import orders
from classifier.evaluation import intervals


@pytest.mark.parametrize(
    ("successes", "count", "interval"),  # Newcombe 1998, Statistics in Medicine 17:857, table I
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0, 0.1611))],
)
def test_the_interval_of_a_proportion_is_the_published_one(successes, count, interval):
    assert intervals.wilson(successes, count) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize(("trials", "alpha", "beta"), [(100, 45.5, 5.5), (7, 0.5, 30.5)])
def test_the_distribution_is_scipys(trials, alpha, beta):
    theirs = stats.betabinom(trials, alpha, beta).pmf(np.arange(trials + 1))
    ours = intervals.beta_binomial(trials, alpha, beta)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize(("successes", "count"), [(0, 5), (5, 5), (45, 50), (4985, 5000), (3, 6)])
def test_the_interval_is_the_shortest_one_with_its_probability(successes, count):
    low, high = intervals.prediction_interval(successes, count)
    law = stats.betabinom(100, successes + 0.5, count - successes + 0.5)
    assert law.cdf(high) - law.cdf(low - 1) >= 0.95
    starts = np.arange(0, 101 - (high - low) + 1)  # no interval shorter by one has it
    assert (law.cdf(starts + high - low - 1) - law.cdf(starts - 1)).max() < 0.95


@pytest.mark.parametrize(("accuracy", "count"), [(0.5, 50), (0.8, 170), (0.9, 120), (0.97, 5000)])
def test_the_interval_covers_the_result_of_95_in_100_trials(accuracy, count):
    rng = np.random.default_rng(1)
    covered = 0
    for successes, right in zip(
        rng.binomial(count, accuracy, 2000), rng.binomial(100, accuracy, 2000), strict=True
    ):
        low, high = intervals.prediction_interval(int(successes), count)
        covered += low <= right <= high
    assert 0.93 <= covered / 2000 <= 0.97


def test_images_of_a_group_that_fail_together_count_once():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(100), 10)
    together = np.repeat(rng.random(100) < 0.8, 10)
    assert intervals.independent_count(together, groups) == pytest.approx(100)
    alone = rng.random(1000) < 0.8
    assert intervals.independent_count(alone, np.arange(1000)) == pytest.approx(1000)
    assert intervals.independent_count(alone, groups) > 700
    assert intervals.independent_count(np.ones(1000, bool), groups) == 100


def test_sums_of_groups_do_not_depend_on_how_many_are_in_memory(monkeypatch):
    rng = np.random.default_rng(1)
    groups, values = rng.integers(0, 40, 500) * 3, rng.random(500)
    sums = np.bincount(groups, values)
    monkeypatch.setattr(orders, "BLOCK", 64)
    monkeypatch.setattr(intervals, "GROUPS", 16)
    count, squares = intervals.squares_of_groups(lambda block: values[block], groups)
    assert count == len(np.unique(groups))
    assert squares == pytest.approx((sums**2).sum())


def test_an_interval_from_groups_covers_the_result_of_95_in_100_trials():
    rng, covered = np.random.default_rng(1), 0
    groups = np.repeat(np.arange(60), 5)
    for _ in range(1000):
        of_group = rng.beta(4, 1, 60)  # accuracy in each group, 0.8 on average
        correct = rng.random(300) < of_group[groups]
        count = intervals.independent_count(correct, groups)
        low, high = intervals.wilson(correct.mean() * count, count)
        covered += low <= 0.8 <= high
    assert 0.93 <= covered / 1000 <= 0.97
