"""models/head/novelty.npz: how unlike its training images an image is, from its features.

Three measures, each as a logarithm: the Mahalanobis distance to the nearest class mean among
principal components, with one shrunken covariance for all classes (Lee et al. 2018); the share of
the features outside of these components (the residual of Wang et al. 2022); and that distance
relative to the one from the mean of all images (after Ren et al. 2021). The first two are large
for images of another kind, the third also for classes that lie between the known ones. The score
is the sum of their standard scores among images that were not trained on, and again in standard
deviations: 0 is usual for images of the known classes. docs/explanation/unknown.md measures it.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import npz, orders
from classifier.dataset.npz import Column

NAME = "novelty.npz"
COMPONENTS = 256  # at most
SHRINKAGE = 0.1  # of the covariance
FIT_IMAGES = 2000  # to fit to, about
PCA_IMAGES = 600  # of them, for the principal components, whose cost grows with the cube
LEVELS = np.linspace(0, 1, 1001)
LEAST = 1e-4  # of each distance: an image that was trained on may lie in the components' plane
LEAST_SPREAD = 0.01  # of each measure among known images, which may be few or equal


@dataclass(frozen=True)
class Novelty:
    """A fitted score; arrays are float64.

    Attributes:
        mean: (D,), of the features.
        components: (D, K), orthonormal.
        whitening: (K, K); it makes the covariance within classes the identity.
        class_means: (C, K), whitened.
        weights: (3,), of the three measures.
        bias: (), added to their sum.
        quantiles: (1001,), of the scores of images that were not trained on, at LEVELS.
    """

    mean: np.ndarray
    components: np.ndarray
    whitening: np.ndarray
    class_means: np.ndarray
    weights: np.ndarray = field(default_factory=lambda: np.ones(3))
    bias: np.ndarray = field(default_factory=lambda: np.zeros(()))
    quantiles: np.ndarray = field(default_factory=lambda: np.zeros(len(LEVELS)))

    def measures(self, vectors: np.ndarray) -> np.ndarray:
        """Returns the logarithms of the three measures, float64 (N, 3).

        Args:
            vectors: float (N, D), features.
        """
        centred = vectors - self.mean
        inside = centred @ self.components
        whitened = inside @ self.whitening
        squares = (whitened**2).sum(axis=1)
        to_means = squares[:, None] - 2 * whitened @ self.class_means.T
        nearest = (to_means + (self.class_means**2).sum(axis=1)).min(axis=1)
        total = (centred**2).sum(axis=1)
        outside = total - (inside**2).sum(axis=1)
        logs = np.log(np.maximum([nearest, squares, outside, total], LEAST))
        return np.stack([logs[0], logs[2] - logs[3], logs[0] - logs[1]], axis=1)

    def scores(self, measures: np.ndarray) -> np.ndarray:
        """Returns the novelty for the three measures, float64 (N,)."""
        return np.asarray(measures @ self.weights + self.bias)

    def score(self, vectors: np.ndarray) -> np.ndarray:
        """Returns the novelty of features (N, D), float64 (N,); higher is more unlike."""
        return self.scores(self.measures(vectors))

    def calibrated(self, measures: np.ndarray) -> "Novelty":
        """Returns the score scaled by the measures, (N, 3), of images that were not trained on."""
        spread = np.maximum(measures.std(axis=0), LEAST_SPREAD)
        sums = ((measures - measures.mean(axis=0)) / spread).sum(axis=1)
        scale = max(float(sums.std()), LEAST_SPREAD)
        weights = 1 / spread / scale
        one = replace(self, weights=weights, bias=-(measures.mean(axis=0) @ weights))
        return replace(one, quantiles=np.quantile(one.scores(measures), LEVELS))

    def threshold(self, keep: float) -> float:
        """Returns the score that a fraction `keep` of images of known classes does not exceed.

        With `keep` 1 it is infinite: no image is unknown.
        """
        return float(np.interp(keep, LEVELS, self.quantiles)) if keep < 1 else np.inf


def sample(labels: Rows, chosen: np.ndarray) -> np.ndarray:
    """Returns the images to fit to, int (n,), spread evenly over each class.

    They are all chosen images where these are few, else about FIT_IMAGES, at least 10 of a class.

    Args:
        labels: int (N,).
        chosen: bool (N,), from which images they are.
    """
    blocks = list(orders.blocks(len(chosen)))
    size = 1 + max(int(labels[block].max()) for block in blocks)
    of_blocks = (np.bincount(labels[block][chosen[block]], None, size) for block in blocks)
    counts = sum(of_blocks, np.zeros(size, int))
    at_most = max(FIT_IMAGES // int(np.count_nonzero(counts)), 10)
    steps = -(-counts // at_most)
    before, found = np.zeros(len(counts), int), []  # of each class
    for block in blocks:
        images = block.start + np.flatnonzero(chosen[block])
        own = labels[block][chosen[block]]
        order = np.argsort(own, kind="stable")
        sizes = np.bincount(own, minlength=len(counts))
        ranks = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes - before, sizes)
        found.append(images[np.sort(order[ranks % steps[own[order]] == 0])])
        before += sizes
    return np.concatenate(found)


def fit(vectors: np.ndarray, labels: np.ndarray) -> Novelty:
    """Returns a score that is not calibrated yet.

    Args:
        vectors: float64 (N, D), features of two images or more.
        labels: int (N,).
    """
    from scipy.linalg import cholesky, eigh, qr, solve_triangular

    mean = vectors.mean(axis=0, dtype=float)
    centred = np.subtract(vectors, mean, dtype=np.float32)
    some = centred[:: -(-len(centred) // PCA_IMAGES)]
    kept = max(1, min(COMPONENTS, len(some) - 1, len(mean) // 2))
    axes = eigh(some @ some.T, driver="evd", check_finite=False)[1][:, -kept:]
    components = qr(some.T @ axes, mode="economic", check_finite=False)[0]
    inside = centred @ components
    classes, index = np.unique(labels, return_inverse=True)
    means = np.stack([inside[index == k].mean(axis=0) for k in range(len(classes))])
    residuals = inside - means[index]
    covariance = (1 - SHRINKAGE) * (residuals.T @ residuals) / len(residuals)
    variance = SHRINKAGE * np.trace(residuals.T @ residuals) / residuals.size
    covariance[np.diag_indices(kept)] += max(float(variance), 1e-12)
    lower = cholesky(covariance, lower=True)
    whitening = solve_triangular(lower, np.eye(kept), lower=True).T
    return Novelty(mean, components.astype(float), whitening, means @ whitening)


def write(folder: Path, novelty: Novelty) -> None:
    """Writes the arrays, in float32 what is large."""
    columns = {
        name: Column.from_array(array.astype(np.float32 if array.ndim == 2 else np.float64))
        for name, array in vars(novelty).items()
    }
    npz.write(folder / NAME, columns)


def read(folder: Path) -> Novelty | None:
    """Returns the score in a folder, or None if there is none."""
    if not (folder / NAME).exists():
        return None
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        return Novelty(**{name: arrays[name].astype(np.float64) for name in arrays.files})
