"""How good the head is, and what more labels may bring.

The images that were labelled are harder than the others, because they were chosen so. So the
accuracy is that of all images: the labelled ones are predicted by heads that have not learned from
them, and of the others the calibrated probability of their class counts. So the only image of a
class counts as wrong; it says nothing about the calibration.
"""

from collections.abc import Sequence

import numpy as np

from classifier import temperature
from classifier.head import softmax
from classifier.labelling import learner
from classifier.labelling.learner import Labels

SHARES = (0.25, 0.5, 0.75)  # of the labels
MORE = 50  # labels whose effect is told
MIN_POINTS = 3
MIN_LABELS = 20  # of classes with two or more
GROWTH = 1.1  # of the logits of a head that has learned from all folds

Point = tuple[int, float]  # labels, accuracy


def probabilities(
    points: np.ndarray, labels: Labels, closed: np.ndarray = learner.NONE
) -> tuple[np.ndarray, np.ndarray]:
    """Returns calibrated probabilities, (N, C), and which labelled images are right, bool (n,).

    Args:
        points: float32 (N, K).
        labels: of n of them, of two classes or more; they are predicted by heads without them.
        closed: int (m,), other images that must not teach.
    """
    outside = learner.out_of_fold(points, labels, closed)
    factor = GROWTH * temperature.fit(outside, labels.classes, _repeated(labels.classes))
    scores = learner.logits(points, learner.fit_all(points, labels, closed))
    return softmax(factor * scores), outside.argmax(axis=1) == labels.classes


def curve(
    points: np.ndarray,
    labels: Labels,
    shares: np.ndarray,
    right: np.ndarray,
    closed: np.ndarray = learner.NONE,
) -> list[Point]:
    """Returns the accuracy to expect on all images but the closed, 0 to 1, by number of labels.

    Args:
        points: float32 (N, K).
        labels: of some of them, of which parts are drawn.
        shares: probabilities that all of them teach, (N, C).
        right: bool (n,), which labelled images are right.
        closed: int (m,), other images that neither teach nor count.
    """
    order = np.random.default_rng(0).permutation(len(labels.images))
    images, classes = labels.images[order], labels.classes[order]
    found = []
    for number in (round(share * len(order)) for share in SHARES):
        known, numbers = np.unique(classes[:number], return_inverse=True)
        if _repeated(numbers).sum() < MIN_LABELS or len(known) < learner.MIN_CLASSES:
            continue
        part = Labels(images[:number], numbers, len(known))
        some, known_right = probabilities(points, part, closed)
        values = some.max(axis=1)
        values[images[:number]] = known_right
        rest = images[number:]
        values[rest] = known[some[rest].argmax(axis=1)] == classes[number:]
        found.append((number, float(np.delete(values, closed).mean())))
    if _repeated(classes).sum() >= MIN_LABELS:
        values = shares.max(axis=1)
        values[labels.images] = right
        found.append((len(order), float(np.delete(values, closed).mean())))
    return found


def _repeated(classes: np.ndarray) -> np.ndarray:
    """Returns 1 for each label whose class has another, else 0, float (n,)."""
    return (np.bincount(classes)[classes] > 1).astype(float)


def gain(found: Sequence[Point], more: int = MORE) -> float | None:
    """Returns what more labels may add to the accuracy; None if too little is known.

    The error falls about as a power of the number of labels (Hestness et al. 2017).
    """
    if len(found) < MIN_POINTS:
        return None
    numbers, values = np.array(found, np.float64).T
    logs, errors = np.log(numbers), np.log(np.maximum(1 - values, 1e-3))
    power = max(-float(np.polyfit(logs, errors, 1)[0]), 0.0)
    return float((1 - values[-1]) * (1 - (numbers[-1] / (numbers[-1] + more)) ** power))
