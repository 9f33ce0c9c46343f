"""results/calibration.csv: whether probabilities are as high as the accuracy."""

from pathlib import Path

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.evaluation.scored_images import ScoredImages

PATH = Path("results/calibration.csv")
HEADER = ("probability", "accuracy", "images")
BINS = 10  # of the file
ECE_BINS = 15  # of the calibration error, as in Guo et al. 2017 (arXiv:1706.04599)


def expected_error(probability: Rows, correct: np.ndarray) -> float:
    """Returns the expected calibration error, 0 to 1.

    Args:
        probability: float (N,), of the predicted class.
        correct: bool (N,).
    """
    _, probabilities, hits = _sums(probability, correct, ECE_BINS)
    return float(np.abs(probabilities - hits).sum() / len(probability))


def rows(scored: ScoredImages) -> list[list[object]]:
    """Returns the rows of results/calibration.csv.

    The images are binned by the probability of their predicted class, BINS bins of
    equal width; a row has the mean probability, the accuracy and the images of a bin with any.
    """
    columns = _sums(scored.probability, scored.correct, BINS)
    return [
        [f"{probability / images:.4f}", f"{hits / images:.4f}", int(images)]
        for images, probability, hits in zip(*columns, strict=True)
        if images
    ]


def _sums(probability: Rows, correct: np.ndarray, count: int) -> np.ndarray:
    """Returns the images of each bin and the sums of their columns, float64 (3, count)."""
    sums = np.zeros((3, count))
    for block in orders.blocks(len(probability)):
        values = probability[block].astype(np.float64)
        bins = np.minimum((values * count).astype(int), count - 1)
        for row, column in enumerate((np.ones(len(bins)), values, correct[block])):
            sums[row] += np.bincount(bins, column, count)
    return sums
