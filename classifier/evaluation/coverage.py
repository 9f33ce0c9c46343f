"""results/coverage.csv: how many images are answered at which accuracy, by least probability."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files

PATH = Path("results/coverage.csv")
HEADER = ("probability", "coverage", "accuracy", "images")
ROWS = 200  # at most, of the file


@dataclass(frozen=True)
class Coverage:
    """What happens if only predictions of some probability or more are answers.

    Attributes:
        probability: float64 (K,), the least probability of an answer, decreasing.
        coverage: float64 (K,), fraction of the images with an answer.
        accuracy: float64 (K,), fraction of the answers that are right.
        images: int (K,), number of answers.
    """

    probability: np.ndarray
    coverage: np.ndarray
    accuracy: np.ndarray
    images: np.ndarray


def compute(probability: np.ndarray, correct: np.ndarray) -> Coverage:
    """Returns a row for each distinct probability.

    Args:
        probability: float64 (N,), of the predicted class; N is 1 or more.
        correct: bool (N,).
    """
    order = np.argsort(-probability, kind="stable")
    ordered, hits = probability[order], np.cumsum(correct[order])
    last = np.flatnonzero(np.diff(ordered, append=-1.0))  # of each run of equal probabilities
    images = last + 1
    return Coverage(ordered[last], images / len(ordered), hits[last] / images, images)


def smallest_probability(table: Coverage, accuracy: float) -> int | None:
    """Returns the row with the most answers of which a fraction `accuracy` is right, if any."""
    rows = np.flatnonzero(table.accuracy >= accuracy)
    return int(rows[-1]) if len(rows) else None


def write(path: Path, table: Coverage) -> None:
    """Writes the rows, or ROWS of them about evenly spaced."""
    count = len(table.images)
    rows = np.unique(np.linspace(0, count - 1, min(count, ROWS)).round().astype(int))
    numbers = (table.probability, table.coverage, table.accuracy)
    cells = [[f"{column[row]:.6g}" for column in numbers] for row in rows]
    files.write_csv(
        path, HEADER, [[*row, int(n)] for row, n in zip(cells, table.images[rows], strict=True)]
    )


def read(path: Path) -> Coverage:
    """Returns the rows of the file."""
    rows = list(files.iter_rows(path))
    probability, share, accuracy, images = np.array(rows, float).T
    return Coverage(probability, share, accuracy, images.astype(int))
