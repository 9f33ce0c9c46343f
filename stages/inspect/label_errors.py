"""Images whose label is probably wrong, judged by the other images.

Confident learning says how many wrong labels there are; they are taken to be the least probable
ones. Of the methods tried on three datasets this found the most (docs/explanation/inspection.md).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from classifier.common.disk_array import Rows
from stages.inspect import confident_learning, lda
from stages.inspect.lda import FOLDS

MIN_CLASS_SIZE = 5  # different images; smaller classes are not checked


class LabelError(NamedTuple):
    """A label that is probably wrong."""

    suggested: int  # the class that fits better
    probability: float  # of it
    self_confidence: float  # probability of the label


@dataclass(frozen=True)
class LabelErrors:
    """The result, one row per image.

    Attributes:
        suggested: int32 (N,), the class that fits better; -1: the label fits or is not known.
        probability: float64 (N,), of the most probable class.
        self_confidence: float64 (N,), probability of the label; 1 where it is not known.
    """

    suggested: np.ndarray
    probability: np.ndarray
    self_confidence: np.ndarray

    def few(self) -> "FewLabelErrors":
        """Returns the errors, few of many images."""
        images = np.flatnonzero(self.suggested >= 0)
        return FewLabelErrors(images, *(column[images] for column in vars(self).values()))


@dataclass(frozen=True)
class FewLabelErrors:
    """The images whose label is an error; `images` is int (E,), the others are as above, (E,)."""

    images: np.ndarray
    suggested: np.ndarray
    probability: np.ndarray
    self_confidence: np.ndarray

    def by_image(self) -> dict[int, LabelError]:
        """Returns the errors by image, in ten times the memory."""
        images, *columns = (column.tolist() for column in vars(self).values())
        return dict(zip(images, map(LabelError, *columns), strict=True))


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
    count = len(labels)
    classes = _large_classes(labels[:n_train], groups[:n_train])
    if len(classes) < 2:
        return LabelErrors(np.full(count, -1, np.int32), np.zeros(count), np.ones(count))
    targets = np.searchsorted(classes, labels).astype(np.int32)  # indices into classes
    np.minimum(targets, len(classes) - 1, out=targets)
    known = classes[targets] == labels
    train = np.flatnonzero(known[:n_train]).astype(np.int32)
    folds = np.where(known, np.int8(FOLDS), np.int8(-1))  # FOLDS: predicted by the model of all
    folds[train] = stratified_group_folds(targets[train], groups[train])
    result = LabelErrors(np.full(count, -1, np.int32), np.zeros(count), np.ones(count))
    models = lda.fit_folds(values, targets, folds, len(classes))
    out_of_fold = lda.predict(models, values, np.where(folds < FOLDS, folds, -1))
    thresholds = confident_learning.thresholds(out_of_fold, targets, len(classes))
    is_error = np.zeros(count, bool)
    for rows, probabilities in lda.predict(models, values, folds):
        each, best, target = np.arange(len(rows)), probabilities.argmax(axis=1), targets[rows]
        is_error[rows] = confident_learning.is_error(probabilities, target, thresholds)
        result.suggested[rows] = np.where(best == target, -1, classes[best])
        result.probability[rows] = probabilities[each, best]
        result.self_confidence[rows] = probabilities[each, target]
    _keep_least_confident(result, is_error, train)
    return result


def _keep_least_confident(result: LabelErrors, is_error: np.ndarray, train: np.ndarray) -> None:
    """Withdraws suggestions, except for as many of the least confident as there are errors.

    Confident learning counts the errors among the training images; the confidence of the last one
    then applies to the other images too, besides their own errors.
    """
    candidates = np.sort(result.self_confidence[train[result.suggested[train] >= 0]])
    limit = candidates[: is_error[train].sum()].max(initial=-1.0)
    is_error[train] = False
    result.suggested[~is_error & (result.self_confidence > limit)] = -1


def stratified_group_folds(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns a fold for each image, int8 (N,): the groups of a class are dealt out in turn.

    Depends on labels and groups alone, not on the order of the images. scikit-learn has a
    StratifiedGroupKFold, but its import takes longer than the whole stage.

    Args:
        labels: int (N,).
        groups: int (N,), dealt out in ascending order.
    """
    order = np.lexsort((groups, labels))
    labels, groups = labels[order], groups[order]
    new_class = np.append(True, labels[1:] != labels[:-1])
    new_group = new_class | np.append(True, groups[1:] != groups[:-1])
    number = np.cumsum(new_group, dtype=np.int32)
    number -= np.maximum.accumulate(np.where(new_class, number, np.int32(0)))
    folds = np.empty(len(order), np.int8)
    folds[order] = number % FOLDS
    return folds


def _large_classes(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the classes with enough different images, sorted."""
    order = np.lexsort((groups, labels))
    labels, groups = labels[order], groups[order]
    new = np.append(True, (labels[1:] != labels[:-1]) | (groups[1:] != groups[:-1]))
    classes, counts = np.unique(labels[new[: len(labels)]], return_counts=True)
    return np.asarray(classes[(counts >= MIN_CLASS_SIZE) & (classes >= 0)])
