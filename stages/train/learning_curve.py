"""How often each image is predicted right by a head that learned from fewer images.

The heads are linear discriminants in the space that SIZE images of the features span: the time for
solving them grows with the cube of the dimensions. On six datasets of 240 to 600 images, shrinkage
0.6 was the best or within a point of it for every fraction of the images.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from classifier.dataset import split
from classifier.dataset.features import Array
from classifier.discriminant import Coordinates, Moments, parts
from stages.train.cross_validation import Samples

FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the images
N_PARTS = 20
BLOCKS = 4 * (2, 3)  # parts in each: a tenth of the images, then the rest of a quarter
SIZE = 384  # dimensions at most
SHRINKAGE = 0.6
MIN_IMAGES = 2  # of a class, on average, to learn from


@dataclass(frozen=True)
class LearningCurve:
    """What N images and F fractions of the training images gave.

    Attributes:
        images: int32 (F,), number of images that were learned from.
        correct: float32 (N, F), how often the image was predicted right; NaN: not tried.
    """

    images: np.ndarray
    correct: np.ndarray


NONE = LearningCurve(np.zeros(0, np.int32), np.zeros((0, 0), np.float32))


def draw_parts(units: Sequence[str], labels: Sequence[int], seed: int) -> np.ndarray:
    """Returns the part of each image, int (N,), 1 to N_PARTS, each with as many of every class.

    Images of one unit are in the same part.
    """
    return np.array(split.assign_folds(units, labels, N_PARTS, seed + 1))  # unlike the folds


def subsets(fraction: float) -> list[list[int]]:
    """Returns one or two choices of blocks that hold a fraction of the images."""
    count = int(np.searchsorted(np.cumsum(BLOCKS), round(fraction * N_PARTS))) + 1
    starts = (0, len(BLOCKS) // 2) if count < len(BLOCKS) else (0,)
    return [[(start + n) % len(BLOCKS) for n in range(count)] for start in starts]


def measure(
    features: Array,
    samples: Samples,
    columns: np.ndarray | slice,
    power: float,
    image_parts: np.ndarray,
    pool: Executor,
) -> LearningCurve:
    """Returns the learning curve; each image is predicted by heads without its fold.

    Args:
        features: float (R, D).
        samples: N images, of which only the first view is used; those of fold 0 are not predicted.
        columns: of the features that are used.
        power: of the features.
        image_parts: int (N,), from `draw_parts`.
        pool: threads; each computes on one core.
    """
    samples = replace(samples, rows=samples.rows[:, 0])
    blocks = np.searchsorted(np.cumsum(BLOCKS), image_parts)
    coordinates = _coordinates(features, samples.rows[samples.trains], columns, power)
    folds = samples.fold_numbers

    def moments(fold: int) -> list[Moments]:
        chosen = samples.trains & (samples.folds == fold)
        images = (np.flatnonzero(chosen & (blocks == block)) for block in range(len(BLOCKS)))
        n_classes = len(samples.class_weights)
        return [
            coordinates.moments(samples.rows[one], samples.labels[one], n_classes) for one in images
        ]

    of_folds = dict(zip(folds, pool.map(moments, folds), strict=True))

    def predict(fold: int) -> tuple[list[float], np.ndarray]:
        others = [
            reduce(add, (of_folds[other][block] for other in folds if other != fold))
            for block in range(len(BLOCKS))
        ]
        images = np.flatnonzero(samples.folds == fold)
        return _predict(coordinates, others, samples.subset(images))

    predicted = [fold for fold in folds if fold]
    correct = np.full((len(samples.labels), len(FRACTIONS)), np.nan, np.float32)
    numbers = []
    for fold, (counts, values) in zip(predicted, pool.map(predict, predicted), strict=True):
        correct[samples.folds == fold] = values
        numbers.append(counts)
    return LearningCurve(np.mean(numbers, axis=0).round().astype(np.int32), correct)


def _coordinates(
    features: Array, rows: np.ndarray, columns: np.ndarray | slice, power: float
) -> Coordinates:
    """Returns coordinates spanned by some of the rows, at most half as many as columns."""
    size = min(SIZE, features[rows[:1]][:, columns].shape[1] // 2, len(rows))
    chosen = rows[np.linspace(0, len(rows) - 1, max(size, 1)).astype(int)]
    return Coordinates.of(features, chosen, columns, power)


def _predict(
    coordinates: Coordinates, others: Sequence[Moments], samples: Samples
) -> tuple[list[float], np.ndarray]:
    """Returns the number of images learned from, and how often images are predicted right.

    Args:
        coordinates: of the features.
        others: of each block.
        samples: n images to predict.

    Returns:
        F numbers, and float32 (n, F).
    """
    chosen = [[reduce(add, (others[b] for b in one)) for one in subsets(f)] for f in FRACTIONS]
    counts = [min(float(one.counts.sum()) for one in each) for each in chosen]
    right = np.full((len(samples.labels), len(FRACTIONS)), np.nan, np.float32)
    fitted = [
        n for n, count in enumerate(counts) if count >= MIN_IMAGES * len(samples.class_weights)
    ]
    each_column = np.array([n for n in fitted for _ in chosen[n]])
    layers = [
        coordinates.fit(one, SHRINKAGE, samples.class_weights) for n in fitted for one in chosen[n]
    ]
    if not layers:
        return counts, right
    stacked = np.hstack([kernel for kernel, _ in layers]), np.hstack([bias for _, bias in layers])
    for part in parts(len(right)):
        logits = coordinates.logits(samples.rows[part], stacked)
        best = logits.reshape(len(logits), len(layers), -1).argmax(axis=2)
        hits = best == samples.labels[part][:, None]
        for n in fitted:
            right[part, n] = hits[:, each_column == n].mean(axis=1)
    return counts, right
