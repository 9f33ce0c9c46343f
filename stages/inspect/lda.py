"""Linear discriminant analysis in closed form.

An image is assigned by its distance to the class means, in units of the covariance that all classes
share (Fisher 1936), shrunk towards a sphere because images are few and dimensions many. The result
is that of scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE) with equal
priors; importing scikit-learn alone would take longer than the whole stage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from classifier.common import cores, parallel
from classifier.common.disk_array import Rows
from classifier.dataset import orders

SHRINKAGE = 0.6  # of the covariance towards a multiple of the identity
TEMPERATURE = 0.5  # factor on distances: dimensions are dependent, so posteriors are overconfident
FOLDS = 5
CHUNK = 4096  # rows at once
MAX_CHUNK = 2_000_000  # probabilities at once, in each thread


@dataclass(frozen=True)
class LDA:
    """A fitted model, in coordinates where the shared covariance is the identity.

    Attributes:
        whitening: float64 (K, K), from features to these coordinates.
        means: float64 (C, K), of the classes.
    """

    whitening: np.ndarray
    means: np.ndarray

    @classmethod
    def fit(cls, sums: "Sums") -> "LDA":
        """Returns the model of images of which every class has one or more."""
        means = sums.values / sums.counts[:, None]
        scatter = sums.products - (sums.values.T @ means)
        covariance = scatter / sums.counts.sum()
        variance = max(float(np.trace(covariance)) / len(covariance), 1e-12)
        sphere = variance * np.eye(len(covariance))
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * sphere
        whitening = np.linalg.cholesky(np.linalg.inv(covariance))
        return cls(whitening, means @ whitening)

    def predict_proba(self, values: np.ndarray) -> np.ndarray:
        """Returns the probability of each class, float64 (N, C); rows sum to 1."""
        white = values @ self.whitening
        squares = (white**2).sum(axis=1)[:, None] + (self.means**2).sum(axis=1)
        distances = np.maximum(squares - 2 * white @ self.means.T, 0.0)  # Mahalanobis, squared
        logits = -TEMPERATURE / 2 * (distances - distances.min(axis=1, keepdims=True))
        weights = np.exp(logits)
        return weights / weights.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Sums:
    """What a model is made of.

    Attributes:
        counts: int (C,), images of each class.
        values: float64 (C, K), the sum of their features.
        products: float64 (K, K), the sum of the products of two features.
    """

    counts: np.ndarray
    values: np.ndarray
    products: np.ndarray


def fit_folds(values: Rows, labels: np.ndarray, folds: np.ndarray, n_classes: int) -> list[LDA]:
    """Returns a model without each fold, and then one of all, from sums in one pass.

    Args:
        values: float32 (N, K).
        labels: int (N,).
        folds: int (N,), 0 to FOLDS - 1; images of others belong to no model. Every class has images
            in two or more.
        n_classes: C.
    """
    width = values[:1].shape[1]
    counts = np.zeros(FOLDS * n_classes, int)
    sums, products = np.zeros((len(counts), width)), np.zeros((FOLDS, width, width))
    for rows in _blocks(orders.true_places((folds >= 0) & (folds < FOLDS)), CHUNK):
        chunk, places = values[rows].astype(np.float64), folds[rows].astype(int) * n_classes
        places += labels[rows]
        order = np.argsort(places, kind="stable")
        present, starts = np.unique(places[order], return_index=True)
        sums[present] += np.add.reduceat(chunk[order], starts, axis=0)
        counts += np.bincount(places, minlength=len(counts))
        for fold in range(FOLDS):
            own = chunk[folds[rows] == fold]
            products[fold] += own.T @ own
    parts = counts.reshape(FOLDS, -1), sums.reshape(FOLDS, n_classes, -1), products
    models = []
    for without in range(FOLDS + 1):
        kept = [fold for fold in range(FOLDS) if fold != without]
        models.append(LDA.fit(Sums(*(part[kept].sum(axis=0) for part in parts))))
    return models


def predict(
    models: Sequence[LDA], values: Rows, folds: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields rows and their class probabilities by the model of the same number as their fold.

    Args:
        models: for each fold.
        values: float32 (N, K).
        folds: int (N,); rows of a negative fold are left out.
    """
    size = max(1, min(CHUNK, MAX_CHUNK // len(models[0].means)))

    def of_block(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chunk, own = values[rows], folds[rows]
        probabilities = np.empty((len(rows), len(models[0].means)))
        for fold in np.unique(own).tolist():
            probabilities[own == fold] = models[fold].predict_proba(chunk[own == fold])
        return rows, probabilities

    blocks = _blocks(orders.true_places(folds >= 0), size)
    yield from parallel.prefetch_map(of_block, blocks, cores.count(), 2 * cores.count())


def _blocks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
