"""How many of the user's own test images are right, estimated without their classes.

Two estimates are averaged: the mean confidence, and the share of images with more than the
threshold that as many validation images exceed as are right (average thresholded confidence: Garg
et al. 2022, arXiv:2201.04234). What both give for the validation images is known, so the estimate
is the accuracy of these plus the difference between test and validation images.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from classifier.common import sorted_column
from classifier.common.disk_array import Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders
from classifier.evaluation.intervals import Z99, wilson

SMALLEST_DIFFERENCE = 0.02  # of two accuracies: a smaller one changes no headline
Side = Literal["left", "right"]
KS_999 = 1.9495  # 99.9 % quantile of Kolmogorov's distribution
SMALLEST_DISTANCE = 0.1  # Kolmogorov-Smirnov distance that counts as a shift
UNLIKE = 0.99  # quantile of the validation images' novelty beyond which an image is unlike them


@dataclass(frozen=True)
class Estimate:
    """The expected accuracy on the test images.

    Attributes:
        accuracy: expected fraction that is right.
        accuracy_low: lower end of its 95 % interval, which a shift makes wider.
        accuracy_high: upper end.
        n: number of test images.
        disagrees: differs from the validation accuracy by more than chance.
        shift: the test images differ from the validation images by more than chance.
        unlike: fraction of the test images that are unlike all training images, beyond the usual.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    n: int
    disagrees: bool
    shift: bool
    unlike: float


def estimate(
    confidence: Rows,
    correct: np.ndarray,
    test_confidence: np.ndarray,
    novelty: Rows,
    test_novelty: np.ndarray,
    scratch: Scratch,
) -> Estimate:
    """Returns the expected accuracy on M test images, from N validation images; both 1 or more.

    Args:
        confidence: float (N,), probability of the predicted class of each validation image.
        correct: bool (N,).
        test_confidence: float (M,).
        novelty: float (N,), how unlike the training images each one is; NaN if not known.
        test_novelty: float (M,), or NaN.
        scratch: for what is sorted.
    """
    threshold = _threshold(confidence, correct, scratch)
    samples = confidence, test_confidence
    (known, variance), (new, new_variance) = (_moments(values, threshold) for values in samples)
    difference = new - known
    error = math.sqrt(variance / len(confidence) + new_variance / len(test_confidence))
    disagrees = abs(difference) > max(Z99 * error, SMALLEST_DIFFERENCE)
    accuracy = min(max(float(correct.mean()) + difference, 0.0), 1.0)
    count = 1 / (1 / len(confidence) + 1 / len(test_confidence))  # both samples are drawn by chance
    low, high = wilson(accuracy * count, count)
    unlike = _excess_unlike(novelty, test_novelty, scratch)
    slack = abs(difference) if disagrees else 0.0  # the size of a shift is known to about itself
    more_novel = differ(novelty, test_novelty) and float(test_novelty.mean()) > _mean(novelty)
    low = max(low - slack, 0.0) * (1 - unlike)  # those of no class at all are never right
    n = len(test_confidence)
    return Estimate(
        accuracy,
        math.floor(n * low) / n,  # a whole number of images is right
        math.ceil(n * min(high + slack, 1.0)) / n,
        n,
        disagrees,
        differ(confidence, test_confidence) or more_novel,
        unlike,
    )


def _threshold(confidence: Rows, correct: np.ndarray, scratch: Scratch) -> float:
    """Returns the confidence that as many validation images reach as are right."""
    wrong = int(len(correct) - correct.sum())
    if wrong == len(correct):
        return math.inf
    return float(sorted_column.sort(confidence, scratch)[wrong : wrong + 1][0])


def _mean(values: Rows) -> float:
    return sum(float(values[b].sum(dtype=float)) for b in orders.blocks(len(values))) / len(values)


def _has_nan(values: Rows) -> bool:
    return any(np.isnan(values[block]).any() for block in orders.blocks(len(values)))


def _moments(confidence: Rows, threshold: float) -> tuple[float, float]:
    """Returns the mean and the variance of the images' scores.

    A score is the mean of an image's confidence and of whether it reaches the threshold.
    """

    def scores(block: slice) -> np.ndarray:
        return (confidence[block].astype(np.float64) + (confidence[block] >= threshold)) / 2

    count = len(confidence)
    mean = sum(float(scores(block).sum()) for block in orders.blocks(count)) / count
    squares = sum(float(((scores(block) - mean) ** 2).sum()) for block in orders.blocks(count))
    return mean, squares / count


def _excess_unlike(novelty: Rows, test_novelty: np.ndarray, scratch: Scratch) -> float:
    """Returns the fraction of test images beyond UNLIKE, without those to expect by chance."""
    if _has_nan(novelty) or _has_nan(test_novelty):
        return 0.0
    usual = 1 - UNLIKE
    error = math.sqrt(usual * UNLIKE * (1 / len(novelty) + 1 / len(test_novelty)))
    limit = sorted_column.quantile(sorted_column.sort(novelty, scratch), UNLIKE)
    share = float((test_novelty > limit).mean())
    return share - usual if share > usual + Z99 * error else 0.0


def differ(one: Rows, other: np.ndarray) -> bool:
    """Tells whether two samples have different distributions, by more than chance (0.1 %).

    Kolmogorov and Smirnov's test, for distances of SMALLEST_DISTANCE or more; NaN: no.
    """
    if _has_nan(one) or _has_nan(other):
        return False
    limit = KS_999 * math.sqrt(1 / len(one) + 1 / len(other))
    return ks_distance(one, other) > max(limit, SMALLEST_DISTANCE)


def ks_distance(one: Rows, other: np.ndarray) -> float:
    """Returns the largest difference of two samples' distribution functions, 0 to 1."""
    ordered, largest = np.sort(other), 0.0
    sides: tuple[Side, Side] = ("left", "right")
    for below, upto in (sides, sides[::-1]):  # at each value of the other, and just before it
        counts = np.zeros(len(ordered) + 1, int)
        for block in orders.blocks(len(one)):
            counts += np.bincount(
                np.searchsorted(ordered, one[block], below), minlength=len(counts)
            )
        reached = np.cumsum(counts[:-1]) / len(one)
        others = np.searchsorted(ordered, ordered, upto) / len(ordered)
        largest = max(largest, float(np.abs(reached - others).max()))
    return largest
