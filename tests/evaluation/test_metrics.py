import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from classifier.evaluation import metrics

NAMES = ("ant", "bee", "cat", "dog")


def random_case(seed: int, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, 4)) * 2
    labels = np.array([rng.choice(4, p=softmax(row / 2)) for row in logits])
    return np.array([softmax(row) for row in logits]), labels


def softmax(row: np.ndarray) -> np.ndarray:
    return np.exp(row) / np.exp(row).sum()


def computed(seed: int, count: int = 200) -> dict[str, float]:
    return metrics.compute(metrics.score(*random_case(seed, count), NAMES))


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
    ours = metrics.compute(metrics.score(probabilities, np.array([0, 0, 1, 1]), ("no", "yes")))
    assert ours["accuracy"] == 0.75
    assert ours["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2, abs=1e-6)
    assert ours["top_3_accuracy"] == 1
    gaps = (1 - 0.6) + (1 - 0.9) + (1 - 0.8) + 0.7  # each in a bin of its own
    assert ours["expected_calibration_error"] == pytest.approx(gaps / 4, abs=1e-6)


@pytest.mark.parametrize(
    ("successes", "count", "interval"),  # Newcombe 1998, Statistics in Medicine 17:857, table I
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0, 0.1611))],
)
def test_the_interval_is_the_published_one(successes, count, interval):
    assert metrics.wilson(successes, count) == pytest.approx(interval, abs=5e-5)


def test_a_certain_error_has_a_finite_loss():
    ours = metrics.compute(metrics.score(np.array([[1.0, 0.0]]), np.array([1]), ("no", "yes")))
    assert 30 < ours["log_loss"] < 40


def test_scored_images_survive_writing_and_reading(tmp_path):
    before = metrics.score(*random_case(1), NAMES)
    metrics.write(tmp_path / "a.csv", [str(number) for number in range(200)], before)
    after = metrics.read(tmp_path / "a.csv")
    for name, column in vars(before).items():
        if name.endswith("probability"):
            np.testing.assert_allclose(vars(after)[name], column, rtol=1e-5)
        else:
            assert vars(after)[name].tolist() == column.tolist()


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_class_rows_are_scikit_learns(seed, count):
    probabilities, labels = random_case(seed, count)
    rows = metrics.class_rows(metrics.score(probabilities, labels, NAMES))
    predicted, present = probabilities.argmax(axis=1), [NAMES.index(row[0]) for row in rows]
    theirs = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=present, zero_division=np.nan
    )
    for row, precision, recall, f1, support in zip(rows, *theirs, strict=True):
        assert row[1] == support
        assert float(row[4] or np.nan) == pytest.approx(recall, abs=1e-4, nan_ok=True)
        assert float(row[7] or np.nan) == pytest.approx(precision, abs=1e-4, nan_ok=True)
        assert float(row[8]) == pytest.approx(np.nan_to_num(f1), abs=1e-4)


def test_calibration_rows_are_means_over_bins():
    probabilities = np.array([[0.95, 0.05], [0.91, 0.09], [0.55, 0.45], [1.0, 0.0]])
    rows = metrics.calibration_rows(metrics.score(probabilities, np.array([0, 1, 0, 0]), NAMES[:2]))
    assert rows == [["0.5500", "1.0000", 1], ["0.9533", "0.6667", 3]]
