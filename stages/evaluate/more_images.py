"""How much the accuracy would rise with twice as many training images.

The error falls about as a power of the number of images (Hestness et al. 2017, arXiv:1712.00409).
Halves of six datasets, with the features of two layers, predicted what the other halves added to
within 2.4 points (`python -m benchmarks.more_images`); if the accuracy were a straight line over
the logarithm of the number, up to 9 points too much.
"""

from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation.intervals import squares_of_groups

SMALLEST = 0.2  # fraction of the images from which on the error is taken to follow the power
MIN_POINTS = 3
MODEL_ERROR = 0.2  # standard error of the gain, as a fraction of it, because it is no exact power
LEVEL = 0.95


@dataclass(frozen=True)
class Gain:
    """The expected rise of the accuracy, with its interval."""

    gain: float
    gain_low: float
    gain_high: float


def expected_gain(
    images: np.ndarray, correct: np.ndarray, groups: np.ndarray, level: float = LEVEL
) -> Gain | None:
    """Returns what twice as many images would add to the accuracy; None if there are too few.

    Args:
        images: int (F,), numbers of training images, ascending.
        correct: float (N, F), how often each image was predicted right; NaN: not tried.
        groups: int (N,); images of a group are not independent.
        level: of the interval.
    """
    if not correct.size:
        return None
    count, parts = len(correct), list(orders.blocks(len(correct)))
    wrong = sum((1 - correct[block].astype(np.float64)).sum(axis=0) for block in parts) / count
    used = (images >= SMALLEST * images[-1]) & ~np.isnan(wrong)
    if used.sum() < MIN_POINTS:
        return None
    logs, errors = np.log2(images[used]), np.maximum(wrong[used], 0.5 / count)
    slopes = (logs - logs.mean()) / ((logs - logs.mean()) ** 2).sum()  # of a least-squares line
    power = max(-float(slopes @ np.log2(errors)), 0.0)
    gain = float(errors[-1]) * (1 - 2**-power)
    effects = -(2**-power) * errors[-1] * slopes / errors  # of each error on the gain
    effects[-1] += 1 - 2**-power
    of_images = partial(_effects, correct, used, errors, effects)
    variance = squares_of_groups(of_images, groups)[1] / count**2 + (MODEL_ERROR * gain) ** 2
    margin = NormalDist().inv_cdf((1 + level) / 2) * variance**0.5
    return Gain(gain, max(gain - margin, 0.0), min(gain + margin, float(errors[-1])))


def _effects(
    correct: np.ndarray, used: np.ndarray, errors: np.ndarray, effects: np.ndarray, block: slice
) -> np.ndarray:
    """Returns the effect on the gain of each image's difference from the errors, float64 (n,)."""
    differences: np.ndarray = 1 - correct[block][:, used].astype(np.float64) - errors
    return np.asarray(differences @ effects)


def gaining_classes(
    images: np.ndarray, correct: np.ndarray, groups: np.ndarray, labels: np.ndarray, gain: Gain
) -> dict[int, float]:
    """Returns the expected gains of the classes that gain more than all images do on average.

    Only of those for which chance does not explain it (5 %, over all classes).

    Args:
        images: int (F,).
        correct: float (N, F).
        groups: int (N,).
        labels: int (N,).
        gain: of all images.
    """
    classes = np.flatnonzero(np.bincount(labels)).tolist()
    level = 1 - (1 - LEVEL) / len(classes)
    found = {}
    for label in classes:
        own = np.flatnonzero(labels == label)
        ranks = np.unique(groups[own], return_inverse=True)[1]
        one = expected_gain(images, correct[own], ranks, level)
        if one and one.gain_low > gain.gain:
            found[label] = one.gain
    return found


def metrics_part(validated: ValidationPredictions, labels: Rows) -> dict[str, dict[str, object]]:
    """Returns `twice_as_many` of metrics.json; nothing if there are too few images.

    Args:
        validated: N images.
        labels: int (N,).
    """
    images = validated.curve_images
    used = np.flatnonzero(images >= SMALLEST * images.max(initial=0))
    rows = validated.curve_rows
    curve = images[used], validated.curve_correct[:, used], validated.groups[rows]
    gain = expected_gain(*curve)
    if gain is None:
        return {}
    classes = gaining_classes(*curve, labels[rows], gain)
    names = validated.class_names.tolist()
    most = sorted(classes, key=lambda label: -classes[label])
    values: dict[str, object] = {name: round(value, 6) for name, value in vars(gain).items()}
    values["images"] = int(validated.curve_images[-1])
    values["classes"] = {names[label]: round(classes[label], 6) for label in most}
    return {"twice_as_many": values}
