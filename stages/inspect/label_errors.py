"""Images whose label is probably wrong, judged by the other images.

Confident learning says how many wrong labels there are; they are taken to be the least probable
ones. Of the methods tried on three datasets this found the most (docs/explanation/inspection.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders
from stages.inspect import confident_learning, lda
from stages.inspect.lda import FOLDS

MIN_CLASS_SIZE = 5  # different images; smaller classes are not checked


@dataclass(frozen=True)
class LabelErrors:
    """The images whose label is probably wrong, few of many.

    Attributes:
        images: int (E,), ascending.
        suggested: int (E,), the class that fits better.
        probability: float64 (E,), of that class.
        self_confidence: float64 (E,), probability of the label.
    """

    images: np.ndarray
    suggested: np.ndarray
    probability: np.ndarray
    self_confidence: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence["LabelErrors"]) -> "LabelErrors":
        """Returns the images of all parts, one or more."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    def select(self, chosen: np.ndarray) -> "LabelErrors":
        """Returns some of them; `chosen` is bool (E,)."""
        return LabelErrors(*(column[chosen] for column in vars(self).values()))


NONE = LabelErrors(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))


def find(values: Rows, labels: np.ndarray, groups: np.ndarray, n_train: int) -> LabelErrors:
    """Returns which labels are probably wrong.

    Training images are predicted out of fold, so that none confirms its own label; the others by a
    model of all training images.

    Args:
        values: float32 (N, K), features along principal components.
        labels: int (N,); less than 0 where unknown.
        groups: int (N,); copies, which would confirm each other, are in one group.
        n_train: the first rows, the training images.
    """
    classes = _large_classes(labels[:n_train], groups[:n_train])
    if len(classes) < 2:
        return NONE
    targets = np.empty(len(labels), np.int32)  # indices into classes
    for block in orders.blocks(len(labels)):
        targets[block] = np.searchsorted(classes, labels[block])
    np.minimum(targets, len(classes) - 1, out=targets)
    known = classes[targets] == labels
    train = orders.true_places(known[:n_train])
    folds = np.where(known, np.int8(FOLDS), np.int8(-1))  # FOLDS: predicted by the model of all
    folds[train] = stratified_group_folds(targets[train], groups[train])
    del train, known
    models = lda.fit_folds(values, targets, folds, len(classes))
    out_of_fold = lda.predict(models, values, np.where(folds < FOLDS, folds, -1))
    thresholds = confident_learning.thresholds(out_of_fold, targets, len(classes))
    errors, parts, are_errors = 0, [NONE], [np.zeros(0, bool)]
    for rows, probabilities in lda.predict(models, values, folds):
        best, target = probabilities.argmax(axis=1), targets[rows]
        is_error = confident_learning.is_error(probabilities, target, thresholds)
        errors += int(is_error[rows < n_train].sum())
        each = np.flatnonzero(best != target)
        both = (probabilities[each, one[each]] for one in (best, target))
        parts.append(LabelErrors(rows[each], classes[best[each]], *both))
        are_errors.append(is_error[each])
    candidates = LabelErrors.concatenate(parts)
    train = candidates.images < n_train
    return _least_confident(candidates, np.concatenate(are_errors), train, errors)


def _least_confident(
    candidates: LabelErrors, is_error: np.ndarray, train: np.ndarray, count: int
) -> LabelErrors:
    """Returns as many of the least confident as there are errors.

    Confident learning counts the errors among the training images; the confidence of the last one
    then applies to the other images too, besides their own errors.

    Args:
        candidates: E images that look like another class.
        is_error: bool (E,), by confident learning.
        train: bool (E,), whether it is a training image.
        count: errors among all training images.
    """
    limit = np.sort(candidates.self_confidence[train])[:count].max(initial=-1.0)
    return candidates.select((is_error & ~train) | (candidates.self_confidence <= limit))


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a fold for each image, int8 (N,): the groups of a class are dealt out in turn.

    Depends on labels and groups alone, not on the order of the images. scikit-learn has a
    StratifiedGroupKFold, but its import takes longer than the whole stage.

    Args:
        labels: int (N,), 0 or more.
        groups: int (N,), dealt out in ascending order; 0 or more.
    """
    pairs, folds = _pairs(labels, groups), np.empty(len(labels), np.int8)
    starts = np.searchsorted(pairs, np.arange(labels.max(initial=-1) + 1) << 32)  # of each class
    for block in orders.blocks(len(labels)):
        own = labels[block]
        folds[block] = (np.searchsorted(pairs, _keys(own, groups[block])) - starts[own]) % FOLDS
    return folds


def _large_classes(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the classes with enough different images, sorted."""
    present = _pairs(labels, groups)
    present >>= 32  # the class of each pair
    starts = np.flatnonzero(np.append(True, present[1:] != present[:-1])[: len(present)])
    classes, counts = present[starts], np.diff(starts, append=len(present))
    return np.asarray(classes[(counts >= MIN_CLASS_SIZE) & (classes >= 0)])


def _pairs(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the different pairs of a label and a group as sorted numbers, int64 (P,)."""
    keys = _keys(labels, groups)
    keys.sort()
    return keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]


def _keys(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a number for each label and group, in the order of both, int64 (N,)."""
    keys = labels.astype(np.int64)
    keys <<= 32
    keys |= groups
    return keys
