"""How right the probabilities are: results/scored_validation.csv, results/scored_test.csv and their metrics."""

import math
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
    "found",
    "named",
    "recall",
    "recall_low",
    "recall_high",
    "precision",
    "f1",
)
CALIBRATION_HEADER = ("probability", "accuracy", "images")
GROUPS = 10  # by probability, in results/calibration.csv
Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
BINS = 15  # of the calibration error, as in Guo et al. 2017 (arXiv:1706.04599)


@dataclass(frozen=True)
class Scored:
    """What became of N images whose class is known; all arrays are (N,).

    Attributes:
        label: str, the class.
        predicted: str, the most probable class.
        probability: float64, of the predicted class.
        true_class_probability: float64, of the class.
        true_class_rank: int, 1 where the class is the most probable one.
    """

    label: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    true_class_probability: np.ndarray
    true_class_rank: np.ndarray


def score(probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> Scored:
    """Returns how the probabilities stand to the labels; a tie goes to the lower index.

    Args:
        probabilities: float64 (N, C); each row sums to 1.
        labels: int (N,), index into `class_names`.
        class_names: str (C,).
    """
    names = np.array(class_names, object)
    order = np.argsort(-probabilities, axis=1, kind="stable")  # (N, C)
    rows = np.arange(len(labels))
    return Scored(
        label=names[labels],
        predicted=names[order[:, 0]],
        probability=probabilities[rows, order[:, 0]],
        true_class_probability=probabilities[rows, labels],
        true_class_rank=(order == labels[:, None]).argmax(axis=1) + 1,
    )


def write(path: Path, paths: Sequence[str], scored: Scored) -> None:
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


def read(path: Path) -> Scored:
    """Returns the table without its paths."""
    rows = files.read_csv(path)
    return Scored(
        label=np.array([row["label"] for row in rows], object),
        predicted=np.array([row["predicted"] for row in rows], object),
        probability=np.array([float(row["probability"]) for row in rows]),
        true_class_probability=np.array([float(row["true_class_probability"]) for row in rows]),
        true_class_rank=np.array([int(row["true_class_rank"]) for row in rows], int),
    )


def metrics(scored: Scored) -> dict[str, float]:
    """Returns the scores of one or more images, fractions rounded to six decimals.

    `accuracy_low` and `accuracy_high` are the 95 % Wilson interval; `log_loss` is in nats;
    `expected_calibration_error` is over 15 bins of equal width.
    """
    count = len(scored.label)
    right = scored.true_class_rank == 1
    low, high = wilson(int(right.sum()), count)
    values = {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "log_loss": float(-np.log(np.maximum(scored.true_class_probability, 1e-15)).mean()),
        "macro_f1": macro_f1(scored.label, scored.predicted),
        "top_3_accuracy": float((scored.true_class_rank <= 3).mean()),
        "expected_calibration_error": calibration_error(scored.probability, right),
    }
    return {**{name: round(value, 6) for name, value in values.items()}, "n": count}


def wilson(right: int, count: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share of `right` in `count` (Wilson 1927)."""
    share, z2 = right / count, Z95**2
    centre = share + z2 / (2 * count)
    spread = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    scale = 1 + z2 / count
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def macro_f1(label: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the mean over classes, of those met or predicted, of the harmonic mean F1."""
    scores = []
    for name in sorted(set(label) | set(predicted)):
        hits = int(((label == name) & (predicted == name)).sum())
        scores.append(2 * hits / int((label == name).sum() + (predicted == name).sum()))
    return sum(scores) / len(scores)


def calibration_error(probability: np.ndarray, right: np.ndarray) -> float:
    """Returns how far the probability of the predicted class is from its share of hits, 0 to 1."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)  # (N,)
    gaps = np.bincount(place, probability - right, minlength=BINS)  # summed in each bin
    return float(np.abs(gaps).sum() / len(probability))


def by_class(scored: Scored) -> list[list[object]]:
    """Returns the rows of results/classes.csv: the classes met or given, sorted.

    `found` are its images that were named rightly, `named` all that were given the class; a share
    of none is empty.
    """
    right = scored.true_class_rank == 1
    rows: list[list[object]] = []
    for name in sorted(set(scored.label) | set(scored.predicted)):
        own, given = scored.label == name, scored.predicted == name
        count, found, named = int(own.sum()), int((own & right).sum()), int(given.sum())
        recall = [found / count, *wilson(found, count)] if count else []
        shares = [f"{share:.4f}" for share in recall] or [""] * 3
        precision = f"{found / named:.4f}" if named else ""
        rows.append(
            [name, count, found, named, *shares, precision, f"{2 * found / (count + named):.4f}"]
        )
    return rows


def by_probability(scored: Scored) -> list[list[object]]:
    """Returns the rows of results/calibration.csv: how often groups were named rightly.

    Each group has the mean probability of the predicted class, the share named rightly, and its
    number of images; groups are GROUPS of equal width, those without images left out.
    """
    right = scored.true_class_rank == 1
    place = np.minimum((scored.probability * GROUPS).astype(int), GROUPS - 1)
    return [
        [
            f"{scored.probability[place == group].mean():.4f}",
            f"{right[place == group].mean():.4f}",
            int((place == group).sum()),
        ]
        for group in np.unique(place).tolist()
    ]
