"""results/calibration.csv: whether probabilities are as high as the accuracy."""

from pathlib import Path

import numpy as np

from classifier.evaluation.scored_images import ScoredImages

PATH = Path("results/calibration.csv")
HEADER = ("probability", "accuracy", "images")
BINS = 10  # of the file
ECE_BINS = 15  # of the calibration error, as in Guo et al. 2017 (arXiv:1706.04599)


def expected_error(probability: np.ndarray, correct: np.ndarray) -> float:
    """Returns the expected calibration error, 0 to 1.

    Args:
        probability: float (N,), of the predicted class.
        correct: bool (N,).
    """
    bins = np.minimum((probability * ECE_BINS).astype(int), ECE_BINS - 1)  # (N,)
    gaps = np.bincount(bins, probability - correct, minlength=ECE_BINS)  # summed in each bin
    return float(np.abs(gaps).sum() / len(probability))


def rows(scored: ScoredImages) -> list[list[object]]:
    """Returns the rows of results/calibration.csv.

    The images are binned by the probability of their predicted class, BINS bins of
    equal width; a row has the mean probability, the accuracy and the images of a bin with any.
    """
    bins = (scored.probability * BINS).astype(int)
    bins = np.minimum(bins, BINS - 1)
    return [
        [
            f"{scored.probability[bins == number].mean():.4f}",
            f"{scored.correct[bins == number].mean():.4f}",
            int((bins == number).sum()),
        ]
        for number in np.unique(bins).tolist()
    ]
