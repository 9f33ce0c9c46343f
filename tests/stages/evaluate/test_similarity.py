import numpy as np
import pytest

from classifier.dataset import orders
from stages.evaluate.predicted import Predicted
from stages.evaluate.similarity import FEWEST, bins, metrics_part, of_run

NONE = np.zeros(0)


def draw(seed: int, count: int = 300, middle: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Returns similarities, and which images are right: of the more similar ones more."""
    rng = np.random.default_rng(seed)
    similarity = np.clip(rng.normal(middle, 0.05, count), 0, 1)
    return similarity, rng.random(count) < np.clip((similarity - 0.75) / 0.2, 0.2, 1)


def test_each_image_is_in_the_bin_of_its_similarity(scratch):
    (similarity, correct), (new, right) = draw(1), draw(2, 50)
    known = np.where(np.arange(50) < 40, right, np.nan)
    found = bins(similarity, correct, np.arange(300), new, known, scratch)
    assert [one.validation for one in found] == [60] * 5
    assert sum(one.test for one in found) == 50
    assert sum(one.test_scored for one in found) == 40
    assert sum(one.test_right for one in found) == right[:40].sum()
    first = found[0]
    assert first.validation_accuracy == correct[similarity <= first.similarity_high].mean()
    assert first.validation_low < first.validation_accuracy < first.validation_high


def test_few_validation_images_are_in_few_bins(scratch):
    assert bins(*draw(1, FEWEST - 1), np.arange(FEWEST - 1), NONE, NONE, scratch) == []
    few = bins(*draw(1, 2 * FEWEST), np.arange(2 * FEWEST), NONE, NONE, scratch)
    assert len(few) == 2 and metrics_part(few) == metrics_part([]) == {}


@pytest.mark.parametrize(("middle", "lower"), [(0.9, 0.0), (0.95, 0.0), (0.8, 1.0)])
def test_less_similar_test_images_let_expect_less_beyond_chance(middle, lower, scratch):
    results = []
    for seed in range(50):
        new, right = draw(seed + 99, middle=middle)
        found = bins(*draw(seed), np.arange(300), new, right * 1.0, scratch)
        results += metrics_part(found).values()
    assert np.mean([one["lower"] for one in results]) == pytest.approx(lower, abs=0.02)


def test_images_of_unknown_similarity_are_left_out(scratch):
    similarity, correct = np.where(np.arange(12), 0.5, np.nan), np.arange(12) != 0
    new, right, rest = np.array([0.6, 0.7, np.nan]), np.array([1, np.nan, np.nan]), np.zeros(3)
    tested = Predicted(rest, rest, rest, right, new, rest)
    (one,) = of_run(similarity, correct, np.arange(12), tested, scratch)
    assert (one.validation, one.validation_accuracy) == (11, 1)
    assert (one.test, one.test_scored, one.test_right) == (2, 1, 1)


@pytest.mark.parametrize("missing", [0, 7])
def test_images_on_disk_give_the_same_bins_some_at_a_time(missing, scratch, monkeypatch):
    (similarity, correct), groups = draw(1), np.arange(300) // 2
    similarity[:missing] = np.nan
    tested = Predicted(*[NONE] * 6)
    expected = of_run(similarity, correct, groups, tested, scratch)
    monkeypatch.setattr(orders, "BLOCK", 33)
    arrays = scratch.keep(similarity), correct, scratch.keep(groups)
    found = of_run(*arrays, tested, scratch)
    assert [vars(one) for one in found] == [pytest.approx(vars(one)) for one in expected]
    assert sum(one.validation for one in expected) == 300 - missing
