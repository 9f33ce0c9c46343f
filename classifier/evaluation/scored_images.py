"""results/scored_validation.csv, scored_test.csv: predictions beside the true classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files

VALIDATION = Path("results/scored_validation.csv")
TEST = Path("results/scored_test.csv")
HEADER = ("path", "label", "predicted", "probability", "true_class_probability", "true_class_rank")


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

    def select(self, chosen: np.ndarray) -> "ScoredImages":
        """Returns some of the images; `chosen` is bool (N,)."""
        return ScoredImages(**{name: column[chosen] for name, column in vars(self).items()})


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


def read_paths(path: Path) -> list[str]:
    """Returns the paths of the images in the rows of `read`."""
    return [row[0] for row in files.iter_rows(path)]
