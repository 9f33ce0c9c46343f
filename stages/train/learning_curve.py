"""How often each image is predicted right by a head that learned from fewer images.

The heads are linear discriminants in the space that SIZE images of the features span: the time for
solving them grows with the cube of the dimensions. On six datasets of 240 to 600 images, shrinkage
0.6 was the best or within a point of it for every fraction of the images.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from classifier.common.disk_array import ComputedRows
from classifier.dataset import orders
from classifier.dataset.features import Array
from classifier.discriminant import Coordinates, Linear, Moments, parts
from stages.train import blocks, draw
from stages.train.cross_validation import Samples
from stages.train.discriminant import sums
from stages.train.units import Units

FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the images
N_PARTS = 20
BLOCKS = 4 * (2, 3)  # parts in each: a tenth of the images, then the rest of a quarter
SIZE = 384  # dimensions at most
SHRINKAGE = 0.6
MIN_IMAGES = 2  # of a class, on average, to learn from
MOST = 100_000  # images that are predicted, about: enough for a tenth of a point


@dataclass(frozen=True)
class LearningCurve:
    """What F fractions of the training images gave.

    Attributes:
        images: int32 (F,), number of images that were learned from.
        predicted: int (M,), the images that were predicted, ascending: all or, of many, some.
        correct: float32 (M, F), how often each was predicted right: 0, 0.5 or 1; NaN: not tried.
    """

    images: np.ndarray
    predicted: np.ndarray
    correct: np.ndarray


NONE = LearningCurve(np.zeros(0, np.int32), np.zeros(0, int), np.zeros((0, 0), np.float32))


def draw_parts(units: Units, labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns the part of each image, int (N,), 1 to N_PARTS, each with as many of every class.

    Images of one unit are in the same part.
    """
    return draw.folds(units, labels, N_PARTS, seed + 1)  # unlike the folds


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
    """Returns the learning curve; images are predicted by heads without their fold.

    Args:
        features: float (R, D).
        samples: N images in a random order, of which only the first view is used; those of fold 0
            are not predicted.
        columns: of the features that are used.
        power: of the features.
        image_parts: int (N,), from `draw_parts`.
        pool: threads; each computes on one core.
    """
    samples = replace(samples, rows=ComputedRows(samples.rows, lambda rows: rows[:, :1]))
    coordinates = _coordinates(features, samples, columns, power)
    folds, n_blocks = samples.fold_numbers, len(BLOCKS)
    block_of_part = np.searchsorted(np.cumsum(BLOCKS), np.arange(N_PARTS + 1))
    kind = np.min_scalar_type(-(max(folds, default=0) + 1) * n_blocks)
    groups = samples.folds.astype(kind) * kind.type(n_blocks)
    groups += block_of_part.astype(kind)[image_parts]
    numbers = [fold * n_blocks + block for fold in folds for block in range(n_blocks)]
    moments = sums(coordinates, samples, groups, numbers, pool)

    def fit(fold: int) -> FractionLayers:
        others = [
            Moments.total(moments[other * n_blocks + block] for other in folds if other != fold)
            for block in range(n_blocks)
        ]
        return FractionLayers.of(coordinates, others, samples.class_weights)

    def hits(part: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        fold, images = part
        rows, labels = samples.rows[images][:, 0], samples.labels[images]
        return images, curves[fold].hits(coordinates, rows, labels)

    held_out = [fold for fold in folds if fold]
    curves = dict(zip(held_out, pool.map(fit, held_out), strict=True))
    count = int(np.count_nonzero(samples.folds))
    predicted = orders.true_places(samples.folds > 0, max(1, -(-count // MOST)))
    chosen = np.full_like(samples.folds, -1)
    chosen[predicted] = samples.folds[predicted]
    correct = np.empty((len(predicted), len(FRACTIONS)), np.float32)
    for images, values in blocks.ordered_map(pool, hits, blocks.by_group(chosen)):
        correct[np.searchsorted(predicted, images)] = values
    counts = np.mean([curve.counts for curve in curves.values()], axis=0)
    return LearningCurve(counts.round().astype(np.int32), predicted, correct)


def _coordinates(
    features: Array, samples: Samples, columns: np.ndarray | slice, power: float
) -> Coordinates:
    """Returns coordinates spanned by some of the images, at most half as many as columns."""
    images = orders.true_places(samples.trains)
    size = min(SIZE, features[:1][:, columns].shape[1] // 2, len(images))
    chosen = images[np.linspace(0, len(images) - 1, max(size, 1)).astype(int)]
    return Coordinates.of(features, samples.rows[chosen][:, 0], columns, power)


@dataclass(frozen=True)
class FractionLayers:
    """Layers that learned from fractions of the images of all folds but one.

    Attributes:
        counts: F numbers of images learned from.
        fractions: int (L,), the fraction, 0 to F - 1, that each layer learned from.
        layer: their kernels and biases side by side.
    """

    counts: list[float]
    fractions: np.ndarray
    layer: Linear

    @classmethod
    def of(
        cls, coordinates: Coordinates, others: Sequence[Moments], class_weights: np.ndarray
    ) -> "FractionLayers":
        """Returns the layers for which there are enough images.

        Args:
            coordinates: of the features.
            others: of each block.
            class_weights: float (C,).
        """
        chosen = [[Moments.total(others[b] for b in one) for one in subsets(f)] for f in FRACTIONS]
        counts = [min(float(one.counts.sum()) for one in each) for each in chosen]
        fitted = [n for n, count in enumerate(counts) if count >= MIN_IMAGES * len(class_weights)]
        fractions = np.array([n for n in fitted for _ in chosen[n]], int)
        layers = [
            coordinates.fit(one, SHRINKAGE, class_weights) for n in fitted for one in chosen[n]
        ]
        kernels = [np.zeros((coordinates.size, 0)), *(kernel for kernel, _ in layers)]
        biases = [np.zeros(0), *(bias for _, bias in layers)]
        return cls(counts, fractions, (np.hstack(kernels), np.hstack(biases)))

    def hits(self, coordinates: Coordinates, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Returns how often images are predicted right, float32 (n, F); NaN: not tried.

        Args:
            coordinates: of the features.
            rows: int (n,), of the images.
            labels: int (n,).
        """
        right = np.full((len(rows), len(FRACTIONS)), np.nan, np.float32)
        if not len(self.fractions):
            return right
        for part in parts(len(rows)):
            logits = coordinates.logits(rows[part], self.layer)
            best = logits.reshape(len(logits), len(self.fractions), -1).argmax(axis=2)
            own = best == labels[part, None]
            for n in np.unique(self.fractions):
                right[part, n] = own[:, self.fractions == n].mean(axis=1)
        return right
