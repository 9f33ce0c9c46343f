"""Whether a score changes if images of a group may be on both sides of the split."""

import math

import numpy as np

from classifier.evaluation.intervals import Z99

SMALLEST_DIFFERENCE = 0.01  # of two accuracies on the same images, which is worth a word


def compare(correct: np.ndarray, random_correct: np.ndarray) -> dict[str, float | bool]:
    """Returns the accuracy without groups, and whether it is higher by more than chance.

    The predictions of the same images are compared (McNemar 1947, one-sided, 0.5 %).

    Args:
        correct: bool (N,), with each group on one side of the split.
        random_correct: bool (N,), with images drawn one by one.
    """
    gained = int((random_correct & ~correct).sum())
    lost = int((correct & ~random_correct).sum())
    significant = gained - lost > Z99 * math.sqrt(gained + lost)
    differs = significant and gained - lost > SMALLEST_DIFFERENCE * len(correct)
    return {"accuracy": round(float(random_correct.mean()), 6), "differs": differs}
