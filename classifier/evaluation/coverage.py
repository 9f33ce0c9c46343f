"""results/coverage.csv: how many images are answered at which accuracy, by least probability."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files

PATH = Path("results/coverage.csv")
HEADER = ("probability", "coverage", "accuracy", "images")
ROWS = 200  # at most, of the file of a run


@dataclass(frozen=True)
class Coverage:
    """What happens if only predictions of some probability or more are answers.

    Attributes:
        probability: float (K,), the least probability of an answer, decreasing.
        coverage: float64 (K,), fraction of the images with an answer.
        accuracy: float64 (K,), fraction of the answers that are right.
        images: int (K,), number of answers.
    """

    probability: np.ndarray
    coverage: np.ndarray
    accuracy: np.ndarray
    images: np.ndarray


def compute(probability: np.ndarray, correct: np.ndarray, most: int | None = None) -> Coverage:
    """Returns a row for each distinct probability, or `most` of them about evenly spaced.

    Args:
        probability: float (N,), of the predicted class; N is 1 or more.
        correct: bool (N,).
        most: rows at most.
    """
    ordered = np.sort(probability)[::-1]  # without argsort, which takes twice the memory
    right = np.sort(probability[np.asarray(correct, bool)])
    is_last = np.append(ordered[:-1] != ordered[1:], True)  # of each run of equals
    last = np.flatnonzero(is_last)
    if most:
        rows = np.linspace(0, len(last) - 1, min(len(last), most)).round().astype(int)
        last = last[np.unique(rows)]
    images = last + 1
    hits = len(right) - np.searchsorted(right, ordered[last])
    return Coverage(ordered[last], images / len(ordered), hits / images, images)


def smallest_probability(table: Coverage, accuracy: float) -> int | None:
    """Returns the row with the most answers of which a fraction `accuracy` is right, if any."""
    rows = np.flatnonzero(table.accuracy >= accuracy)
    return int(rows[-1]) if len(rows) else None


def write(path: Path, table: Coverage) -> None:
    """Writes the rows."""
    numbers = zip(table.probability, table.coverage, table.accuracy, strict=True)
    cells = ([f"{value:.6g}" for value in row] for row in numbers)
    images = table.images.tolist()
    files.write_csv(path, HEADER, ([*row, n] for row, n in zip(cells, images, strict=True)))


def read(path: Path) -> Coverage:
    """Returns the rows of the file."""
    rows = list(files.iter_rows(path))
    probability, share, accuracy, images = np.array(rows, float).T
    return Coverage(probability, share, accuracy, images.astype(int))
