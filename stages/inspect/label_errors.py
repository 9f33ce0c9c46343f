"""Images whose label is probably wrong, by what the other images tell.

How many there are is told by `confident`; they are those whose labels are the least probable. Of
what was tried on three sets, that found the most (docs/inspection.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stages.inspect import confident_learning, lda
from stages.inspect.lda import CHUNK, FOLDS

FEW = 5  # different images of a class; of one with fewer nothing is said


@dataclass(frozen=True)
class LabelErrors:
    """What was found, a row for each image.

    Attributes:
        suggested: int (N,), the class that fits better; -1: the label fits or is not known.
        chance: float64 (N,), how probable the most probable class is.
        own: float64 (N,), how probable the label is; 1 where it is not known.
    """

    suggested: np.ndarray
    chance: np.ndarray
    own: np.ndarray


def find(values: np.ndarray, labels: np.ndarray, groups: np.ndarray, count: int) -> LabelErrors:
    """Returns whose label is probably wrong.

    Each of the first `count` is judged by what others of these tell, so that none vouches for
    itself; the rest by what all of these tell.

    Args:
        values: float32 (N, K), features along principal axes.
        labels: int (N,); less than 0 where unknown.
        groups: int (N,); copies of one image, which would vouch for each other, are one group.
        count: how many may be learned from.
    """
    found = LabelErrors(np.full(len(labels), -1), np.zeros(len(labels)), np.ones(len(labels)))
    classes = _large(labels[:count], groups[:count])
    if len(classes) < 2:
        return found
    place = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    known = classes[place] == labels
    pool = np.flatnonzero(known[:count])
    own, learned = place[pool], values[pool]
    folds = stratified_group_folds(own, groups[pool])

    def others() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows, far in lda.out_of_fold(learned, own, folds, len(classes)):
            yield rows, lda.probabilities(far)

    least = confident_learning.thresholds(others(), own, len(classes))
    doubted = np.zeros(len(labels), bool)
    for rows, chances in others():
        doubted[pool[rows]] = confident_learning.doubted(chances, own[rows], least)
        _note(found, pool[rows], chances, own[rows], classes)
    rest = np.setdiff1d(np.flatnonzero(known), pool, assume_unique=True)
    model = lda.fit(learned, own, len(classes))
    for at in range(0, len(rest), CHUNK):
        rows = rest[at : at + CHUNK]
        chances = lda.probabilities(model.distances(values[rows]))
        doubted[rows] = confident_learning.doubted(chances, place[rows], least)
        _note(found, rows, chances, place[rows], classes)
    unlike = np.sort(found.own[pool[found.suggested[pool] >= 0]])
    most = unlike[: doubted[pool].sum()].max(initial=-1.0)
    doubted[pool] = False
    found.suggested[~doubted & (found.own > most)] = -1
    return found


def _note(
    found: LabelErrors,
    rows: np.ndarray,
    chances: np.ndarray,
    labels: np.ndarray,
    classes: np.ndarray,
) -> None:
    """Puts down what is said of some rows."""
    each, best = np.arange(len(rows)), chances.argmax(axis=1)
    found.suggested[rows] = np.where(best == labels, -1, classes[best])
    found.chance[rows], found.own[rows] = chances[each, best], chances[each, labels]


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a fold for each, int (N,): the groups of a class take turns.

    Args:
        labels: int (N,).
        groups: int (N,), in whose order they take turns.
    """
    order = np.lexsort((groups, labels))
    labels, groups = labels[order], groups[order]
    first = np.append(True, labels[1:] != labels[:-1])
    fresh = first | np.append(True, groups[1:] != groups[:-1])
    turn = np.cumsum(fresh)
    folds = np.empty(len(order), int)
    folds[order] = (turn - np.maximum.accumulate(np.where(first, turn, 0))) % FOLDS
    return folds


def _large(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the classes of which there are images enough, sorted."""
    different = np.unique(np.stack([labels, groups]), axis=1)
    classes, counts = np.unique(different[0], return_counts=True)
    return np.asarray(classes[(counts >= FEW) & (classes >= 0)])
