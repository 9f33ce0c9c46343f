"""Linear discriminant analysis in closed form.

An image is assigned by its distance to the class means, in units of the covariance that all classes
share (Fisher 1936), shrunk towards a sphere because images are few and dimensions many. The result
is that of scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE) with equal
priors; importing scikit-learn alone would take longer than the whole stage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SHRINKAGE = 0.6  # of the covariance towards a multiple of the identity
TEMPERATURE = 0.5  # factor on distances: dimensions are dependent, so posteriors are overconfident
FOLDS = 5
CHUNK = 4096  # rows at once


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
    def fit(cls, values: np.ndarray, labels: np.ndarray, n_classes: int) -> "LDA":
        """Returns the model of some images.

        Args:
            values: float32 (N, K).
            labels: int (N,); every class has one or more.
            n_classes: C.
        """
        counts = np.bincount(labels, minlength=n_classes)
        order = np.argsort(labels, kind="stable")
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        means = np.add.reduceat(values[order], starts, axis=0, dtype=np.float64) / counts[:, None]
        scatter = np.zeros((values.shape[1],) * 2)
        for start in range(0, len(values), CHUNK):
            chunk = slice(start, start + CHUNK)
            centred = values[chunk] - means[labels[chunk]]
            scatter += centred.T @ centred
        covariance = scatter / len(values)
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

    def iter_proba(
        self, values: np.ndarray, rows: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields some rows at a time with their probabilities, so that memory stays bounded."""
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            yield chunk, self.predict_proba(values[chunk])


def fit_folds(
    values: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_classes: int
) -> list[LDA]:
    """Returns a model without each fold.

    Args:
        values: float32 (N, K).
        labels: int (N,).
        folds: int (N,), 0 to FOLDS - 1; every class has images in two or more.
        n_classes: C.
    """
    others = [folds != fold for fold in range(FOLDS)]
    return [LDA.fit(values[chosen], labels[chosen], n_classes) for chosen in others]


def out_of_fold(
    models: Sequence[LDA], values: np.ndarray, folds: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields rows and their class probabilities, predicted by the model without their fold."""
    for fold, model in enumerate(models):
        yield from model.iter_proba(values, np.flatnonzero(folds == fold))
