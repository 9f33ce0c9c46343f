"""results/metrics.json: how good predictions are."""

from pathlib import Path

import numpy as np

from classifier.evaluation import calibration
from classifier.evaluation.class_scores import class_counts
from classifier.evaluation.intervals import prediction_interval, wilson
from classifier.evaluation.scored_images import ScoredImages

PATH = Path("results/metrics.json")


def compute(scored: ScoredImages, independent: float | None = None) -> dict[str, float]:
    """Returns the metrics of one or more images, fractions rounded to six decimals.

    `accuracy_low` and `accuracy_high` are the 95 % Wilson interval, `right_of_100_low` and
    `right_of_100_high` what to expect of 100 new images (intervals.prediction_interval);
    `log_loss` is in nats; `expected_calibration_error` is over calibration.ECE_BINS bins.

    Args:
        scored: N images.
        independent: number of independent images that tell as much (intervals.independent_count);
            N by default.
    """
    count, correct = len(scored.label), scored.correct
    independent = count if independent is None else independent
    accuracy = float(correct.mean())
    successes = accuracy * independent
    low, high = wilson(successes, independent)
    fewest, most = prediction_interval(successes, independent)
    values = {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "log_loss": sum(map(_log_loss, scored.blocks())) / count,
        "macro_f1": macro_f1(scored),
        "top_3_accuracy": float((scored.true_class_rank[:] <= 3).mean()),
        "expected_calibration_error": calibration.expected_error(scored.probability, correct),
    }
    rounded = {name: round(value, 6) for name, value in values.items()}
    return {**rounded, "right_of_100_low": fewest, "right_of_100_high": most, "n": count}


def _log_loss(scored: ScoredImages) -> float:
    probability = scored.true_class_probability[:].astype(np.float64)
    return -float(np.log(np.maximum(probability, 1e-15)).sum())


def macro_f1(scored: ScoredImages) -> float:
    """Returns the mean F1 over the classes that occur as a label or as a prediction."""
    return float(np.mean([2 * hits / (n + m) for _, n, hits, m in class_counts(scored)]))
