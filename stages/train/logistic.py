"""Multinomial logistic regressions without each fold.

The penalty is on the logits' variance within classes, tr(W' A W) / (2 s) with A the shrunken
covariance of a discriminant and s the strength, instead of on the norm of W: features that vary
much within classes may not count much. On six datasets this had a mean out-of-fold log loss of
0.350, with a penalty on the norm 0.393, and the balanced discriminant 0.346.
"""

import numpy as np

from classifier.common import lapack
from classifier.common.errors import StageError
from classifier.discriminant import Linear
from classifier.temperature import log_probabilities
from stages.train.cross_validation import Samples
from stages.train.discriminant import Discriminant

STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1)
MAX_ITERATIONS = 30
TOLERANCE = 1e-4  # relative, of the loss
LEAST_CURVATURE = 1e-2  # of that of the commonest class
LINE_STEPS = 3
ENOUGH = 1_000_000_000  # bytes that every machine has


class Logistic:
    """Logistic regressions on the features of a discriminant; see `cross_validation.LinearModel`.

    Args:
        model: has the features, and their covariance without each fold.
        shrinkage: of the covariance.
        samples: images to learn from.
    """

    name = "logistic"

    def __init__(self, model: Discriminant, shrinkage: float, samples: Samples) -> None:
        self.coordinates, self._model, self.shrinkage = model.coordinates, model, shrinkage
        images = np.flatnonzero(samples.trains)
        rows, self._labels = samples.examples(images)
        n_views = samples.n_views
        self._folds = np.repeat(samples.folds[images], n_views)
        self._weights = np.repeat(samples.weights[images], n_views).astype(np.float32) / n_views
        self._values = self.coordinates[rows]
        self._whitened: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by fold
        self._latest: dict[int, np.ndarray] = {}  # solution by fold: the next starts from it

    def fit(self, fold: int, strength: float) -> Linear:
        """Returns a layer fitted to all training images but those of a fold; 0: to all."""
        if fold not in self._whitened:
            self._whitened[fold] = self._whiten(fold)
        factor, values = self._whitened[fold]
        kept = self._folds != fold
        labels, weights = self._labels[kept], self._weights[kept]
        start = self._latest.get(fold)
        if start is None:
            start = shares(labels, weights, values.shape[1], self._model.n_classes)
        layer = minimize(values, labels, weights, strength, start)
        self._latest[fold] = layer
        kernel = np.array(layer[:-1].T, order="C")  # a copy: the next fit starts from the layer
        lapack.solve_triangular(factor, kernel, transposed=True)
        return kernel.T.astype(np.float64), layer[-1].astype(np.float64)

    def _whiten(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the factor of the covariance without a fold, and whitened rows that end in 1."""
        factor = self._model.covariance_factor(fold, self.shrinkage)
        kept = self._folds != fold
        values = np.ones((int(kept.sum()), len(factor) + 1), np.float32)
        values[:, :-1] = self._values[kept]
        lapack.solve_triangular(factor, values[:, :-1])
        return factor, values

    def growth(self, n_folds: int) -> float:
        """Returns 1: the likelihood sets the scale of the logits, whatever the number of images."""
        return 1.0


def require_memory(samples: Samples, n_columns: int, head: str) -> None:
    """Raises a StageError if there is too little memory for the features by fold.

    Args:
        samples: to learn from.
        n_columns: of the features.
        head: the param.
    """
    copies = len(samples.fold_numbers) + 3  # without each fold, with all, and while one is made
    need = copies * len(samples.rows) * samples.n_views * n_columns * np.dtype(np.float32).itemsize
    if need < ENOUGH or need < (free := free_memory()):
        return
    images = len(samples.labels)
    most = max(int(images * free / need) // 1000 * 1000, 1000)
    raise StageError(
        "params.yaml: train.head must be auto or discriminant where logistic regression needs more "
        f"memory than is free ({need / 1e9:.1f} GB for {images:,} images, {free / 1e9:.1f} GB are "
        f"free); got {head}: set it to discriminant, or train.most to {most} or fewer"
    )


def free_memory() -> int:
    """Returns how many bytes of memory are free."""
    from psutil import virtual_memory

    return int(virtual_memory().available)


def shares(labels: np.ndarray, weights: np.ndarray, size: int, n_classes: int) -> np.ndarray:
    """Returns a layer that predicts the share of each class, float32 (size, C).

    Args:
        labels: int (n,).
        weights: float (n,), of the rows.
        size: of the layer; its last row is the bias.
        n_classes: C.
    """
    sums = np.bincount(labels, weights, n_classes)
    layer = np.zeros((size, n_classes), np.float32)
    layer[-1] = np.log(np.maximum(sums, 1e-6) / sums.sum())
    return layer


def minimize(
    values: np.ndarray, labels: np.ndarray, weights: np.ndarray, strength: float, layer: np.ndarray
) -> np.ndarray:
    """Returns the layer with the lowest penalized log loss, float32 (L, C).

    By conjugate gradients (Polak, Ribiere 1969), which take few iterations: whitened values and the
    penalty have nearly the same curvature along every row of the layer.

    Args:
        values: float32 (n, L), whitened; the last column is 1.
        labels: int (n,).
        weights: float32 (n,), of the rows.
        strength: the squares of the layer, without its last row, are divided by twice of it.
        layer: float32 (L, C), to start from.
    """
    own = np.arange(len(labels)), labels
    penalty = np.full((len(layer), 1), 1 / strength, np.float32)
    penalty[-1] = 0
    loss, best, logits = np.inf, layer, values @ layer
    direction, last_slope, last_norm = np.zeros_like(layer), np.zeros_like(layer), 1.0
    for _ in range(MAX_ITERATIONS):
        logs = log_probabilities(logits)
        before, loss = loss, float((penalty * layer**2).sum() / 2 - logs[own] @ weights)
        best = layer if loss < before else best
        if loss > before * (1 - TOLERANCE):
            break
        probabilities = np.exp(logs)
        errors = probabilities * weights[:, None]
        curvature = (errors * (1 - probabilities)).sum(axis=0)  # of the loss by the bias
        errors[own] -= weights
        slope = values.T @ errors + penalty * layer
        step = slope / (penalty + np.maximum(curvature, LEAST_CURVATURE * curvature.max()))
        conjugacy = max(0.0, float(((slope - last_slope) * step).sum()) / last_norm)
        direction = conjugacy * direction - step
        last_slope, last_norm = slope, max(float((slope * step).sum()), 1e-30)
        change = values @ direction
        slopes = penalty * direction
        line = float((slopes * layer).sum()), float((slopes * direction).sum())
        length = np.float32(_length(logits, change, own, weights, line))
        layer, logits = layer + length * direction, logits + length * change
    return best


def _length(
    logits: np.ndarray,
    change: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    line: tuple[float, float],
) -> float:
    """Returns how far to go along a direction, by Newton's method.

    The logits are linear in it: a trial costs no product with the values.

    Args:
        logits: float32 (n, C), at the start.
        change: float32 (n, C), of the logits along the direction.
        own: the indices of the labels' logits.
        weights: float32 (n,), of the rows.
        line: slope and curvature of the penalty.
    """
    length, squares = 0.0, change**2
    for _ in range(LINE_STEPS):
        trial = logits + np.float32(length) * change
        trial -= trial.max(axis=1, keepdims=True)
        exponentials = np.exp(trial, out=trial)
        total = exponentials.sum(axis=1)
        mean = np.einsum("nc,nc->n", exponentials, change) / total
        variance = np.einsum("nc,nc->n", exponentials, squares) / total - mean**2
        slope = float((mean - change[own]) @ weights) + line[0] + length * line[1]
        length -= slope / max(float(variance @ weights) + line[1], 1e-30)
    return length
