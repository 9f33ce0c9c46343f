"""results/thresholds.csv: the scores of two classes by the probability that divides them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from classifier.dataset import orders
from classifier.evaluation import coverage
from classifier.evaluation.scored_images import ScoredImages

PATH = Path("results/thresholds.csv")
HEADER = (
    "threshold",
    "true_positive_rate",
    "false_positive_rate",
    "precision",
    "negative_precision",
)
ROWS = 200  # at most


def positive_probability(scored: ScoredImages, positive: str) -> np.ndarray:
    """Returns the probability of a class in each image of two classes, float64 (N,)."""
    own, true = is_of(scored, positive), scored.true_class_probability[:].astype(np.float64)
    return np.where(own, true, 1 - true)


def is_of(scored: ScoredImages, name: str) -> np.ndarray:
    """Returns which images are of a class, bool (N,)."""
    return np.asarray((scored.names == name)[scored.label[:]])


def rows(scored: ScoredImages, class_names: Sequence[str]) -> list[list[str]]:
    """Returns the scores at the thresholds that matter, the highest first; none unless C is 2.

    An image is predicted as the second class, the positive one, if the probability of this class
    is `threshold` or more, else as the first class. A precision of no images is an empty cell.

    Args:
        scored: one or more images.
        class_names: sorted, (C,).
    """
    if len(class_names) != 2:
        return []
    positive = class_names[1]
    ordered = np.empty(len(scored.label))
    for place in orders.blocks(len(ordered)):
        ordered[place] = positive_probability(scored.select(place), positive)
    ordered.sort()
    values, images = coverage.highest(ordered, ROWS)
    hits = coverage.count_as_high(values, _of_positives(scored, positive))
    positives, total = int(hits[-1]), len(ordered)  # the lowest threshold is the last one
    numbers = zip(values, hits.tolist(), images.tolist(), strict=True)
    return [
        [
            f"{threshold:.6g}",
            _ratio(hit, positives),
            _ratio(n - hit, total - positives),
            _ratio(hit, n),
            _ratio(total - n - (positives - hit), total - n),
        ]
        for threshold, hit, n in numbers
    ]


def _of_positives(scored: ScoredImages, positive: str) -> Iterator[np.ndarray]:
    for block in scored.blocks():
        yield positive_probability(block, positive)[is_of(block, positive)]


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else ""
