"""How good predictions are: results/scored_*.csv, metrics.json, classes.csv and calibration.csv."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files

SCORED_VALIDATION = Path("results/scored_validation.csv")
SCORED_TEST = Path("results/scored_test.csv")
METRICS = Path("results/metrics.json")
CLASSES = Path("results/classes.csv")
CALIBRATION = Path("results/calibration.csv")
HEADER = ("path", "label", "predicted", "probability", "true_class_probability", "true_class_rank")
CLASSES_HEADER = (
    "class",
    "images",
    "true_positives",
    "predicted",
    "recall",
    "recall_low",
    "recall_high",
    "precision",
    "f1",
)
CALIBRATION_HEADER = ("probability", "accuracy", "images")
CALIBRATION_BINS = 10  # of results/calibration.csv
ECE_BINS = 15  # of the calibration error, as in Guo et al. 2017 (arXiv:1706.04599)
Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class ScoredImages:
    """Predictions for N images whose class is known; all arrays are (N,).

    Attributes:
        label: str, the true class.
        predicted: str, the most probable class.
        probability: float64, of the predicted class.
        true_class_probability: float64, of the true class.
        true_class_rank: int, 1 where the true class is the most probable one.
    """

    label: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    true_class_probability: np.ndarray
    true_class_rank: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Returns where the predicted class is the true one, bool (N,)."""
        return np.asarray(self.true_class_rank == 1)


def score(
    probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> ScoredImages:
    """Returns the predictions beside the true classes; in a tie the lower index is predicted.

    Args:
        probabilities: float64 (N, C); each row sums to 1.
        labels: int (N,), indices into `class_names`.
        class_names: str (C,).
    """
    names = np.array(class_names, object)
    order = np.argsort(-probabilities, axis=1, kind="stable")  # (N, C)
    rows = np.arange(len(labels))
    return ScoredImages(
        label=names[labels],
        predicted=names[order[:, 0]],
        probability=probabilities[rows, order[:, 0]],
        true_class_probability=probabilities[rows, labels],
        true_class_rank=(order == labels[:, None]).argmax(axis=1) + 1,
    )


def write(path: Path, paths: Sequence[str], scored: ScoredImages) -> None:
    """Writes a row per image, probabilities with six significant digits."""
    columns = zip(
        paths,
        scored.label,
        scored.predicted,
        (f"{value:.6g}" for value in scored.probability),
        (f"{value:.6g}" for value in scored.true_class_probability),
        scored.true_class_rank,
        strict=True,
    )
    files.write_csv(path, HEADER, columns)


def read(path: Path) -> ScoredImages:
    """Returns the rows without their paths."""
    rows = files.read_csv(path)
    return ScoredImages(
        label=np.array([row["label"] for row in rows], object),
        predicted=np.array([row["predicted"] for row in rows], object),
        probability=np.array([float(row["probability"]) for row in rows]),
        true_class_probability=np.array([float(row["true_class_probability"]) for row in rows]),
        true_class_rank=np.array([int(row["true_class_rank"]) for row in rows], int),
    )


def compute(scored: ScoredImages) -> dict[str, float]:
    """Returns the metrics of one or more images, fractions rounded to six decimals.

    `accuracy_low` and `accuracy_high` are the 95 % Wilson interval; `log_loss` is in nats;
    `expected_calibration_error` is over ECE_BINS bins of equal width.
    """
    count, correct = len(scored.label), scored.correct
    low, high = wilson(int(correct.sum()), count)
    values = {
        "accuracy": float(correct.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "log_loss": float(-np.log(np.maximum(scored.true_class_probability, 1e-15)).mean()),
        "macro_f1": macro_f1(scored),
        "top_3_accuracy": float((scored.true_class_rank <= 3).mean()),
        "expected_calibration_error": calibration_error(scored.probability, correct),
    }
    return {**{name: round(value, 6) for name, value in values.items()}, "n": count}


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Returns the 95 % confidence interval of a proportion (Wilson 1927)."""
    share, z2 = successes / count, Z95**2
    centre = share + z2 / (2 * count)
    spread = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    scale = 1 + z2 / count
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def class_counts(scored: ScoredImages) -> list[tuple[str, int, int, int]]:
    """Returns images, true positives and predictions of each class that occurs, sorted."""
    labels, predicted = Counter(scored.label), Counter(scored.predicted)
    hits = Counter(scored.label[scored.correct])
    names = sorted(labels | predicted)
    return [(name, labels[name], hits[name], predicted[name]) for name in names]


def macro_f1(scored: ScoredImages) -> float:
    """Returns the mean F1 over the classes that occur as a label or as a prediction."""
    return float(np.mean([2 * hits / (n + m) for _, n, hits, m in class_counts(scored)]))


def calibration_error(probability: np.ndarray, correct: np.ndarray) -> float:
    """Returns the expected calibration error, 0 to 1.

    Args:
        probability: float (N,), of the predicted class.
        correct: bool (N,).
    """
    bins = np.minimum((probability * ECE_BINS).astype(int), ECE_BINS - 1)  # (N,)
    gaps = np.bincount(bins, probability - correct, minlength=ECE_BINS)  # summed in each bin
    return float(np.abs(gaps).sum() / len(probability))


def class_rows(scored: ScoredImages) -> list[list[object]]:
    """Returns the rows of results/classes.csv: the classes that occur or are predicted, sorted.

    A fraction of no images is an empty cell.
    """
    rows: list[list[object]] = []
    for name, images, hits, predicted in class_counts(scored):
        recall = [hits / images, *wilson(hits, images)] if images else []
        cells = [f"{fraction:.4f}" for fraction in recall] or [""] * 3
        precision = f"{hits / predicted:.4f}" if predicted else ""
        f1 = f"{2 * hits / (images + predicted):.4f}"
        rows.append([name, images, hits, predicted, *cells, precision, f1])
    return rows


def calibration_rows(scored: ScoredImages) -> list[list[object]]:
    """Returns the rows of results/calibration.csv.

    The images are binned by the probability of their predicted class, CALIBRATION_BINS bins of
    equal width; a row has the mean probability, the accuracy and the images of a bin with any.
    """
    bins = (scored.probability * CALIBRATION_BINS).astype(int)
    bins = np.minimum(bins, CALIBRATION_BINS - 1)
    return [
        [
            f"{scored.probability[bins == number].mean():.4f}",
            f"{scored.correct[bins == number].mean():.4f}",
            int((bins == number).sum()),
        ]
        for number in np.unique(bins).tolist()
    ]
