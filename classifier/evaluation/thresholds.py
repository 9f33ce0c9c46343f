"""results/thresholds.csv: the scores of two classes by the probability that divides them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

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
    probability = positive_probability(scored, class_names[1])
    order = np.argsort(-probability, kind="stable")
    values, positive = probability[order], is_of(scored, class_names[1])[order]
    last = np.flatnonzero(np.diff(values, append=-1.0))  # of each run of equal probabilities
    last = np.unique(last[np.linspace(0, len(last) - 1, min(len(last), ROWS)).round().astype(int)])
    hits, images = np.cumsum(positive)[last].tolist(), (last + 1).tolist()
    positives, total = int(positive.sum()), len(values)
    return [
        [
            f"{threshold:.6g}",
            _ratio(hit, positives),
            _ratio(n - hit, total - positives),
            _ratio(hit, n),
            _ratio(total - n - (positives - hit), total - n),
        ]
        for threshold, hit, n in zip(values[last], hits, images, strict=True)
    ]


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else ""
