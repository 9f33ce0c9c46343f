import numpy as np
import pytest

from classifier.dataset import orders
from classifier.evaluation import coverage


def random_images(count: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    probability = np.round(rng.uniform(0.3, 1, count), 3)  # some are equal
    return probability, rng.random(count) < probability


def test_a_row_counts_the_images_of_its_probability_or_more():
    probability, correct = random_images()
    table = coverage.compute(probability, correct, np.sort(probability))
    assert set(table.probability) == set(probability)
    for row in range(0, len(table.images), 50):
        answered = probability >= table.probability[row]
        assert table.images[row] == answered.sum()
        assert table.coverage[row] == pytest.approx(answered.mean())
        assert table.accuracy[row] == pytest.approx(correct[answered].mean())


def test_all_images_are_answered_in_the_last_row():
    probability, correct = random_images()
    table = coverage.compute(probability, correct, np.sort(probability))
    assert (table.coverage[-1], table.accuracy[-1]) == (1, correct.mean())


def test_the_smallest_probability_answers_most():
    probability, correct = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    table = coverage.compute(probability, correct, probability[::-1])
    assert [coverage.smallest_probability(table, a) for a in (1, 0.6, 0.5)] == [0, 2, 3]
    wrong = coverage.compute(np.ones(1), np.zeros(1), np.ones(1))
    assert coverage.smallest_probability(wrong, 0.5) is None


def test_a_long_table_is_thinned_and_keeps_its_ends(tmp_path):
    probability, correct = random_images()
    table = coverage.compute(probability, correct, np.sort(probability))
    thinned = coverage.compute(probability, correct, np.sort(probability), coverage.ROWS)
    coverage.write(tmp_path / "coverage.csv", thinned)
    read = coverage.read(tmp_path / "coverage.csv")
    assert len(read.images) == coverage.ROWS
    for end in (0, -1):
        assert read.images[end] == table.images[end]
        assert read.probability[end] == pytest.approx(table.probability[end])


@pytest.mark.parametrize("most", [None, 1, 2, 7, 200, 10**6])
def test_images_on_disk_are_counted_some_at_a_time(most, scratch, monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", 33)
    probability, correct = random_images()
    columns = probability.astype("f4"), correct, np.sort(probability).astype("f4")
    table = coverage.compute(*(scratch.keep(column) for column in columns), most)
    distinct = np.unique(probability.astype("f4"))[::-1]
    rows = np.linspace(0, len(distinct) - 1, min(len(distinct), most or len(distinct)))
    assert np.array_equal(table.probability, distinct[rows.round().astype(int)])
    as_high = probability.astype("f4") >= table.probability[:, None]
    assert np.array_equal(table.images, as_high.sum(axis=1))
    assert np.allclose(table.accuracy, (as_high & correct).sum(axis=1) / as_high.sum(axis=1))
