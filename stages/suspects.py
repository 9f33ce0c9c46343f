"""Pictures whose label is probably wrong, by what the other pictures tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from stages import confident, discriminant
from stages.discriminant import CHUNK, FOLDS, Discriminant

FEW = 5  # different pictures of a class; of one with fewer nothing is said


@dataclass(frozen=True)
class Suspects:
    """What was found, a row for each picture.

    Attributes:
        suggested: int (N,), the class that fits better; -1: the label fits, or is not known.
        chance: float64 (N,), how probable that class is.
        own: float64 (N,), how probable the label is.
    """

    suggested: np.ndarray
    chance: np.ndarray
    own: np.ndarray


def find(values: np.ndarray, labels: np.ndarray, groups: np.ndarray, count: int) -> Suspects:
    """Returns whose label is probably wrong.

    Each of the first `count` is judged by what others of these tell, so that none vouches for
    itself; the rest by what all of these tell.

    Args:
        values: float32 (N, K), features along principal axes.
        labels: int (N,); less than 0 where unknown.
        groups: int (N,); copies of one picture, which would vouch for each other, are one group.
        count: how many may be learned from.
    """
    found = Suspects(np.full(len(labels), -1), *np.zeros((2, len(labels))))
    classes = _large(labels[:count], groups[:count])
    if len(classes) < 2:
        return found
    place = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    known = classes[place] == labels
    pool = np.flatnonzero(known[:count])
    own, learned = place[pool], values[pool]
    folds = turns(own, groups[pool])

    def others() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return discriminant.out_of_fold(learned, own, folds, len(classes))

    chances = ((rows, discriminant.probabilities(far)) for rows, far in others())
    least = confident.thresholds(chances, own, len(classes))
    rest = np.setdiff1d(np.arange(len(labels)), pool, assume_unique=True)
    model = discriminant.fit(learned, own, len(classes))
    for rows, far in chain(((pool[r], far) for r, far in others()), _plain(model, values, rest)):
        likely = discriminant.probabilities(far)
        better = confident.suggested(likely, place[rows], least)
        each = np.arange(len(rows))
        found.suggested[rows] = np.where(known[rows] & (better >= 0), classes[better], -1)
        found.chance[rows], found.own[rows] = likely[each, better], likely[each, place[rows]]
    return found


def turns(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
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
    """Returns the classes of which there are pictures enough, sorted."""
    different = np.unique(np.stack([labels, groups]), axis=1)
    classes, counts = np.unique(different[0], return_counts=True)
    return np.asarray(classes[(counts >= FEW) & (classes >= 0)])


def _plain(
    model: Discriminant, values: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for at in range(0, len(rows), CHUNK):
        some = rows[at : at + CHUNK]
        yield some, model.distances(values[some])
