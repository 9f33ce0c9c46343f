"""results/learning_curve.csv: the accuracy by number of training images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.evaluation.intervals import independent_count, wilson

PATH = Path("results/learning_curve.csv")
HEADER = ("images", "accuracy", "accuracy_low", "accuracy_high")


@dataclass(frozen=True)
class Point:
    """The accuracy of a head that learned from some images, with its 95 % interval."""

    images: int
    accuracy: float
    low: float
    high: float


def points(images: np.ndarray, correct: np.ndarray, groups: np.ndarray) -> list[Point]:
    """Returns a point for each number of images that was tried.

    Args:
        images: int (F,).
        correct: float32 (M, F), how often each image was predicted right; NaN: not tried.
        groups: int (M,); images of a group are not independent.
    """
    found = []
    for number, column in zip(images.tolist(), correct.T, strict=True):
        if not np.isnan(column).any():
            independent, accuracy = independent_count(column, groups), float(column.mean())
            found.append(Point(number, accuracy, *wilson(accuracy * independent, independent)))
    return found


def write(path: Path, curve: list[Point]) -> None:
    """Writes a row per point."""
    rows = ([one.images, *(f"{v:.6f}" for v in (one.accuracy, one.low, one.high))] for one in curve)
    files.write_csv(path, HEADER, rows)


def read(path: Path) -> list[Point]:
    """Returns the points of the file."""
    return [Point(int(images), *map(float, numbers)) for images, *numbers in files.iter_rows(path)]
