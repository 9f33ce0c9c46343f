"""Features along the directions in which images differ most: short enough for memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from classifier.dataset.features import Array, rows_per_chunk

AXES = 128


@dataclass(frozen=True)
class PCA:
    """Principal axes.

    Attributes:
        mean: float64 (D,), of the features.
        axes: float64 (D, K), orthonormal, the one of most variance first.
        scales: float64 (K,), standard deviation along each.
    """

    mean: np.ndarray
    axes: np.ndarray
    scales: np.ndarray

    def uncentred(self, values: np.ndarray) -> np.ndarray:
        """Returns what `of` returned with the mean put back, float32 (N, K + 1).

        The last axis points to what of the mean the others leave out, where all images are as
        good as equal.

        Args:
            values: float32 (N, K).
        """
        along = self.mean @ self.axes
        rest = np.linalg.norm(self.mean - self.axes @ along)
        last = np.full((len(values), 1), rest, np.float32)
        return np.concatenate([values + along.astype(np.float32), last], axis=1)

    def of(self, features: Array, rows: np.ndarray) -> np.ndarray:
        """Returns rows of features along the axes, float32 (N, K)."""
        found = np.empty((len(rows), self.axes.shape[1]), np.float32)
        at = 0
        for chunk in vectors(features, rows):
            found[at : at + len(chunk)] = (chunk - self.mean) @ self.axes
            at += len(chunk)
        return found


def fit(features: Array, rows: np.ndarray, axes: int = AXES) -> PCA:
    """Returns the projection of rows of features on their principal axes.

    Args:
        features: (N, D) vectors, or (N, h, w, c) maps, which are averaged.
        rows: int (n,), one or more.
        axes: how many at most.
    """
    count, total, square = 0, np.zeros(1), np.zeros((1, 1))
    for chunk in vectors(features, rows):
        count += len(chunk)
        total = total + chunk.sum(axis=0)
        square = square + chunk.T @ chunk
    mean, last = total / count, len(square) - 1
    first = last + 1 - min(axes, last + 1, max(count - 1, 1))
    covariance = square / count - np.outer(mean, mean)
    variances, directions = eigh(covariance, subset_by_index=(first, last))
    scales = np.sqrt(np.maximum(variances[::-1], 1e-12))
    return PCA(mean, directions[:, ::-1], scales)


def vectors(features: Array, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yields rows of features as float64 (n, D), some at a time; maps are averaged."""
    size = rows_per_chunk(features.shape[1:], features.dtype)
    for at in range(0, len(rows), size):
        chunk = features[rows[at : at + size]].astype(np.float64)
        yield chunk.reshape(len(chunk), -1, chunk.shape[-1]).mean(axis=1)


def unit(values: np.ndarray) -> np.ndarray:
    """Returns the rows scaled to length 1; a row of zeros stays."""
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
