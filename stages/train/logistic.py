"""Multinomial logistic regressions without each fold, by L-BFGS."""

from concurrent.futures import Executor

import numpy as np

from classifier.discriminant import Coordinates, Linear
from stages.train.cross_validation import Samples
from stages.train.temperature import log_probabilities

INVERSE_STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # scikit-learn's C
MAX_ITERATIONS = 200


class Logistic:
    """Logistic regressions with an L2 penalty; see `cross_validation.LinearModel`.

    Features are centred and divided by their root mean square, all by the same number. The loss is
    scikit-learn's: C times the sum of the log losses, plus half the squared norm of the kernel.

    Args:
        coordinates: the features; those of the training images are held in memory.
        samples: images to learn from.
        pool: unused.
    """

    def __init__(self, coordinates: Coordinates, samples: Samples, pool: Executor) -> None:
        del pool
        self.coordinates = coordinates
        images = np.flatnonzero(samples.trains)
        rows, self._labels = samples.examples(images)
        n_views = samples.rows.shape[1]
        self._folds = np.repeat(samples.folds[images], n_views)
        self._weights = np.repeat(samples.weights[images], n_views).astype(np.float32) / n_views
        self._values = coordinates[rows]
        self._scale = np.sqrt(np.mean(np.square(self._values), dtype=np.float64)) or 1.0
        self._values /= np.float32(self._scale)
        self._shape = self._values.shape[1] + 1, len(samples.class_weights)
        self._latest: dict[int, np.ndarray] = {}  # solution by fold: the next starts from it

    def fit(self, fold: int, strength: float) -> Linear:
        """Returns a layer fitted to all training images but those of a fold; 0: to all."""
        from scipy.optimize import minimize

        kept = self._folds != fold
        values, labels, weights = self._values[kept], self._labels[kept], self._weights[kept]
        start = self._latest.get(fold, np.zeros(self._shape))
        unit = strength * weights.sum()  # the loss is divided by it, so that it is about 1

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            layer = flat.reshape(self._shape)
            kernel, bias = layer[:-1].astype(np.float32), layer[-1].astype(np.float32)
            logs = log_probabilities(values @ kernel + bias)
            own = np.arange(len(labels)), labels
            total = -float((logs[own] * weights).sum(dtype=np.float64))
            errors = np.exp(logs)
            errors[own] -= 1
            errors *= weights[:, None]
            slopes = np.vstack([values.T @ errors, errors.sum(axis=0)]).astype(np.float64)
            slopes *= strength
            slopes[:-1] += layer[:-1]
            penalty = float((layer[:-1] ** 2).sum()) / 2
            return (strength * total + penalty) / unit, slopes.ravel() / unit

        options = {"maxiter": MAX_ITERATIONS, "ftol": 1e-7, "gtol": 1e-5}
        found = minimize(loss, start.ravel(), method="L-BFGS-B", jac=True, options=options)
        layer = found.x.reshape(self._shape)
        self._latest[fold] = layer
        return layer[:-1] / self._scale, layer[-1]
