"""What a few labels teach: a linear discriminant on the principal axes of all images.

The axes come from labelled and unlabelled images alike. The head of `train` learns on all features;
this one takes no time, so that it can learn again after every few labels.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from classifier.dataset.features import Array
from classifier.discriminant import POWER, Coordinates, Linear, parts
from classifier.head import softmax

AXES = 256  # at most
SAMPLE = 4096  # images from which the axes are computed, at most
SHRINKAGE = 0.6  # of the covariance
FOLDS = 10
MIN_CLASSES = 2


def principal_axes(features: Array) -> np.ndarray:
    """Returns the features of all images along their principal axes, float32 (N, K).

    Args:
        features: float (N, D), in memory or on disk, N is 1 or more.
    """
    from scipy.linalg import eigh

    rows = np.unique(np.linspace(0, len(features) - 1, min(SAMPLE, len(features))).astype(int))
    coordinates = Coordinates.of(features, rows, slice(None), POWER)
    squares = coordinates.moments(rows, np.zeros(len(rows), int), 1).squares
    bounds = max(0, len(squares) - AXES), len(squares) - 1
    axes = eigh(squares, subset_by_index=bounds, check_finite=False)[1][:, ::-1].astype(np.float32)
    every = np.arange(len(features))
    return np.concatenate([coordinates[every[part]] @ axes for part in parts(len(every))])


@dataclass(frozen=True)
class Labels:
    """Some images and their classes."""

    images: np.ndarray  # int (n,), rows of the points
    classes: np.ndarray  # int (n,), 0 to C - 1
    n_classes: int


def fit(points: np.ndarray, labels: Labels) -> Linear:
    """Returns the head that labels teach.

    Args:
        points: float32 (N, K).
        labels: of some of them, one or more.
    """
    coordinates = Coordinates.of(points, labels.images, slice(None), 1.0)
    moments = coordinates.moments(labels.images, labels.classes, labels.n_classes)
    return coordinates.on_features(coordinates.fit(moments, SHRINKAGE))


def logits(points: np.ndarray, layer: Linear) -> np.ndarray:
    """Returns the logits of points (N, K), float32 (N, C)."""
    kernel, bias = (array.astype(np.float32) for array in layer)
    return np.asarray(points @ kernel + bias)


def probabilities(points: np.ndarray, layer: Linear) -> np.ndarray:
    """Returns the class probabilities of points (N, K), float32 (N, C)."""
    return softmax(logits(points, layer))


def out_of_fold(points: np.ndarray, labels: Labels) -> np.ndarray:
    """Returns the logits of the labelled images by heads that have not learned from them, (n, C).

    Args:
        points: float32 (N, K).
        labels: of two or more of them.
    """
    found = np.zeros((len(labels.images), labels.n_classes), np.float32)
    folds = np.empty(len(found), int)
    folds[np.argsort(labels.classes, kind="stable")] = np.arange(len(found)) % FOLDS
    coordinates = Coordinates.of(points, labels.images, slice(None), 1.0)
    parts_ = [folds == fold for fold in np.unique(folds)]
    moments = [
        coordinates.moments(labels.images[own], labels.classes[own], labels.n_classes)
        for own in parts_
    ]
    whole = reduce(add, moments)
    for own, part in zip(parts_, moments, strict=True):
        layer = coordinates.fit(whole - part, SHRINKAGE)
        found[own] = coordinates.logits(labels.images[own], layer)
    return found
