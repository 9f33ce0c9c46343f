"""How good the head is, and what more labels may bring.

The images that were labelled are harder than the others, because they were chosen so. So the
accuracy is that of all images: the labelled ones are predicted by heads that have not learned from
them, and of the others the calibrated probability of their class counts.
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
MIN_LABELS = 20
GROWTH = 1.1  # of the logits of a head that has learned from all folds

Point = tuple[int, float]  # labels, accuracy


def probabilities(points: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Returns calibrated probabilities, (N, C), and which labelled images are right, bool (n,).

    Args:
        points: float32 (N, K).
        labels: of n of them, of two classes or more; they are predicted by heads without them.
    """
    outside = learner.out_of_fold(points, labels)
    factor = GROWTH * temperature.fit(outside, labels.classes, np.ones(len(outside)))
    scores = learner.logits(points, learner.fit_all(points, labels))
    return softmax(factor * scores), outside.argmax(axis=1) == labels.classes


def curve(points: np.ndarray, labels: Labels, shares: np.ndarray, right: np.ndarray) -> list[Point]:
    """Returns the accuracy to expect on all images, 0 to 1, by number of labels.

    Args:
        points: float32 (N, K).
        labels: of some of them, of which parts are drawn.
        shares: probabilities that all of them teach, (N, C).
        right: bool (n,), which labelled images are right.
    """
    order = np.random.default_rng(0).permutation(len(labels.images))
    images, classes = labels.images[order], labels.classes[order]
    found = []
    for number in (round(share * len(order)) for share in SHARES):
        known, numbers = np.unique(classes[:number], return_inverse=True)
        if number < MIN_LABELS or len(known) < learner.MIN_CLASSES:
            continue
        some, known_right = probabilities(points, Labels(images[:number], numbers, len(known)))
        values = some.max(axis=1)
        values[images[:number]] = known_right
        rest = images[number:]
        values[rest] = known[some[rest].argmax(axis=1)] == classes[number:]
        found.append((number, float(values.mean())))
    if len(order) >= MIN_LABELS:
        values = shares.max(axis=1)
        values[labels.images] = right
        found.append((len(order), float(values.mean())))
    return found


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
