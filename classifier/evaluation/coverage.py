"""results/coverage.csv: how many images are answered at which accuracy, by least probability."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.common.disk_array import Rows
from classifier.dataset import orders

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


def compute(
    probability: Rows, correct: np.ndarray, ordered: Rows, most: int | None = None
) -> Coverage:
    """Returns a row for each distinct probability, or `most` of them about evenly spaced.

    Args:
        probability: float (N,), of the predicted class; N is 1 or more.
        correct: bool (N,).
        ordered: float (N,), the probabilities in ascending order.
        most: rows at most.
    """
    values, images = highest(ordered, most)
    blocks = orders.blocks(len(ordered))
    right = (probability[block][np.asarray(correct[block], bool)] for block in blocks)
    hits = count_as_high(values, right)
    return Coverage(values, images / len(ordered), hits / images, images)


def highest(ordered: Rows, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns distinct values and, int (K,), how many of all values are each of them or higher.

    The highest comes first.

    Args:
        ordered: (N,), ascending; N is 1 or more.
        most: values to return at most, about evenly spaced among the distinct ones.
    """
    count = sum(map(len, _first(ordered)))
    rows = np.linspace(0, count - 1, min(count, most or count)).round().astype(int)
    first = _chosen(_first(ordered), count - 1 - rows[::-1])[::-1]
    return ordered[first], len(ordered) - first


def count_as_high(values: np.ndarray, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Returns how many numbers of all blocks are each value or higher, int (K,)."""
    counts = np.zeros(len(values), int)
    for block in blocks:
        counts += len(block) - np.searchsorted(np.sort(block), values)
    return counts


def _first(ordered: Rows) -> Iterator[np.ndarray]:
    """Yields the places of the first of each run of equals, some at a time."""
    for block in orders.blocks(len(ordered)):
        before = ordered[max(block.start - 1, 0) : block.start]  # none before the first block
        own = np.concatenate([before, ordered[block]])
        changes = block.start + np.flatnonzero(own[1:] != own[:-1])
        yield changes if len(before) else np.append(0, changes + 1)


def _chosen(blocks: Iterable[np.ndarray], numbers: np.ndarray) -> np.ndarray:
    """Returns some of the places, by their numbers, counted from 0, ascending, int (K,)."""
    found, done = [], 0
    for places in blocks:
        own = slice(*np.searchsorted(numbers, [done, done + len(places)]).tolist())
        found.append(places[numbers[own] - done])
        done += len(places)
    return np.concatenate(found)


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
