"""Are new images still like those that a classifier learned from, as far as its outputs tell?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from classifier.evaluation.drift_reference import Reference
from classifier.evaluation.intervals import wilson

LEVEL = 0.99  # that no measure is beyond the tolerance if nothing has changed
UNKNOWN, DISTANCE = "unknown", "further than usual"


@dataclass
class Tally:
    """What is counted of new images, one by one."""

    reference: Reference
    threshold: float  # novelty above which an image is unknown
    images: int = 0
    unknown: int = 0
    ranks: float = 0.0  # sum of the fractions of the reference that are less novel
    squares: float = 0.0  # sum of their squares
    class_counts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.class_counts = np.zeros_like(self.reference.class_counts)

    def add(self, best_class: int, novelty: float) -> None:
        """Counts an image."""
        known = self.reference.novelty
        places = np.searchsorted(known, novelty, "left"), np.searchsorted(known, novelty, "right")
        rank = float(sum(places)) / 2 / len(known)
        self.images += 1
        self.unknown += novelty > self.threshold
        self.ranks, self.squares = self.ranks + rank, self.squares + rank**2
        self.class_counts[best_class] += 1


@dataclass(frozen=True)
class Measure:
    """A share of the new images, and the one expected of images like those trained on.

    Attributes:
        name: `unknown`, `further than usual`, or a class.
        share: of the new images.
        expected: share.
        low: least difference of the two in agreement with the numbers of images.
        high: the largest one.
        drifted: whether the difference is beyond the tolerance for certain.
    """

    name: str
    share: float
    expected: float
    low: float
    high: float
    drifted: bool


def measures(tally: Tally, class_names: Sequence[str], tolerance: float) -> list[Measure]:
    """Returns what is known of one or more new images.

    First the share of unknown images, and the probability that a new image is less like the
    training images than one of these is like the others, 0.5 if nothing has changed; both may only
    rise. Then the share of each predicted class, either way.

    Args:
        tally: of the new images.
        class_names: str (C,).
        tolerance: difference up to which nothing has changed.
    """
    known, number = tally.reference, tally.reference.images
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / (2 + len(class_names)))
    mean = tally.ranks / tally.images
    variance = max(tally.squares / tally.images - mean**2, 1 / 12 / tally.images)
    spread = z * math.sqrt(variance / tally.images + 1 / 12 / number)
    unknown = difference(tally.unknown, tally.images, known.unknown, number, z)
    rising = {
        UNKNOWN: (tally.unknown / tally.images, known.unknown / number, *unknown),
        DISTANCE: (mean, 0.5, mean - 0.5 - spread, mean - 0.5 + spread),
    }
    result = [Measure(name, *values, values[2] > tolerance) for name, values in rising.items()]
    for name, new, old in zip(class_names, tally.class_counts, known.class_counts, strict=True):
        low, high = difference(int(new), tally.images, int(old), number, z)
        drifted = low > tolerance or high < -tolerance
        result.append(Measure(name, new / tally.images, old / number, low, high, drifted))
    return result


def difference(
    first: int, of_first: int, second: int, of_second: int, z: float
) -> tuple[float, float]:
    """Returns the interval of the difference of two proportions (Newcombe 1998, method 10).

    `z` is the quantile of the normal distribution for its level.
    """
    one, other = first / of_first, second / of_second
    (low, high), (other_low, other_high) = wilson(first, of_first, z), wilson(second, of_second, z)
    down = math.hypot(one - low, other_high - other)
    up = math.hypot(high - one, other - other_low)
    return one - other - down, one - other + up
