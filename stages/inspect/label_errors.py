"""Images whose label is probably wrong, judged by the other images.

Confident learning says how many wrong labels there are; they are taken to be the least probable
ones. Of the methods tried on three datasets this found the most (docs/explanation/inspection.md).
"""

from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders
from stages.inspect import confident_learning, lda
from stages.inspect.group_folds import large_classes, stratified_group_folds
from stages.inspect.lda import FOLDS

MIN_CLASS_SIZE = 5  # different images; smaller classes are not checked
CANDIDATE = np.dtype(
    [
        ("image", np.int64),
        ("suggested", np.int64),
        ("probability", np.float64),
        ("self_confidence", np.float64),
        ("is_error", bool),  # by confident learning
    ]
)


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


NONE = LabelErrors(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))


def find(
    values: Rows, labels: np.ndarray, groups: np.ndarray, n_train: int, scratch: Scratch
) -> LabelErrors:
    """Returns which labels are probably wrong.

    Training images are predicted out of fold, so that none confirms its own label; the others by a
    model of all training images.

    Args:
        values: float32 (N, K), features along principal components.
        labels: int (N,); less than 0 where unknown.
        groups: int (N,); copies, which would confirm each other, are in one group.
        n_train: the first rows, the training images.
        scratch: for the images that look like another class.
    """
    classes = large_classes(labels[:n_train], groups[:n_train], MIN_CLASS_SIZE)
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
    candidates, errors = scratch.array((), CANDIDATE), 0
    for rows, probabilities in lda.predict(models, values, folds):
        best, target = probabilities.argmax(axis=1), targets[rows]
        is_error = confident_learning.is_error(probabilities, target, thresholds)
        errors += int(is_error[rows < n_train].sum())
        each = np.flatnonzero(best != target)
        found = np.empty(len(each), CANDIDATE)
        found["image"], found["suggested"] = rows[each], classes[best[each]]
        found["probability"] = probabilities[each, best[each]]
        found["self_confidence"] = probabilities[each, target[each]]
        found["is_error"] = is_error[each]
        candidates.append(found)
    return _least_confident(candidates, n_train, errors)


def _least_confident(candidates: Rows, n_train: int, count: int) -> LabelErrors:
    """Returns as many of the least confident as there are errors.

    Confident learning counts the errors among the training images; the confidence of the last one
    then applies to the other images too, besides their own errors.

    Args:
        candidates: CANDIDATE (E,), images that look like another class.
        n_train: the first images, the training images.
        count: errors among all training images.
    """
    parts, done = [np.zeros(0, CANDIDATE)], 0
    confidences = np.empty(len(candidates))
    for block in orders.blocks(len(candidates)):
        own = candidates[block]
        train = own["self_confidence"][own["image"] < n_train]
        confidences[done : done + len(train)] = train
        done += len(train)
    confidences[:done].sort()
    limit = confidences[: min(done, count)].max(initial=-1.0)
    for block in orders.blocks(len(candidates)):
        own = candidates[block]
        others = own["is_error"] & (own["image"] >= n_train)
        parts.append(own[others | (own["self_confidence"] <= limit)])
    found = np.concatenate(parts)
    names = "image", "suggested", "probability", "self_confidence"
    return LabelErrors(*(found[name].copy() for name in names))
