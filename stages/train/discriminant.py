"""Linear discriminants without each fold, from the moments of the folds."""

from collections.abc import Iterable
from concurrent.futures import Executor

import numpy as np

from classifier.discriminant import Coordinates, Linear, Moments
from stages.train import blocks
from stages.train.cross_validation import Samples

SHRINKAGES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9)


class Discriminant:
    """Linear discriminants on given coordinates; see `cross_validation.LinearModel`."""

    name = "discriminant"

    def __init__(self, coordinates: Coordinates, samples: Samples, pool: Executor) -> None:
        self.coordinates = coordinates
        self._class_weights = samples.class_weights
        parts = sums(coordinates, samples, samples.folds, samples.fold_numbers, pool)
        whole = Moments.total(parts.values())
        others = pool.map(whole.without, parts.values())
        self._without = dict(zip((0, *parts), (whole, *others), strict=True))  # by fold

    @property
    def n_classes(self) -> int:
        """Returns the number of classes."""
        return len(self._class_weights)

    def fit(self, fold: int, strength: float) -> Linear:
        """Returns a layer fitted to all training images but those of a fold; 0: to all."""
        return self.coordinates.fit(self._without[fold], strength, self._class_weights)

    def growth(self, n_folds: int) -> float:
        """Returns a factor on the logits of a layer fitted to all images.

        Class means and covariance are noisier with fewer images. On images set aside from nine
        datasets the best factor was 1.1 for 5 folds.
        """
        return float(np.sqrt(n_folds / max(n_folds - 1, 1)))

    def covariance_factor(self, fold: int, shrinkage: float) -> np.ndarray:
        """Returns the Cholesky factor of the covariance without a fold; see `Coordinates`."""
        return self.coordinates.covariance_factor(self._without[fold], shrinkage)


def sums(
    coordinates: Coordinates,
    samples: Samples,
    groups: np.ndarray,
    numbers: Iterable[int],
    pool: Executor,
) -> dict[int, Moments]:
    """Returns the moments of the images of each group that train, in one pass over them.

    Args:
        coordinates: of the features.
        samples: N images.
        groups: int (N,).
        numbers: of the groups.
        pool: threads.
    """
    n_classes = len(samples.class_weights)

    def moments(part: tuple[int, np.ndarray]) -> tuple[int, Moments]:
        rows, labels = samples.examples(part[1])
        return part[0], coordinates.moments(rows, labels, n_classes)

    found: dict[int, Moments] = {}
    chosen = blocks.by_group(np.where(samples.trains, groups, -1))
    for group, part in blocks.ordered_map(pool, moments, chosen):
        found[group] = Moments.total([found[group], part]) if group in found else part
    return {n: found[n] if n in found else coordinates.no_moments(n_classes) for n in numbers}
