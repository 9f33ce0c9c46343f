"""The novelty of an image as part of a network: as in classifier/novelty.py, from dense layers.

Squares of differences are multiplied out, |x - m|^2 = |x|^2 - 2 x m + |m|^2, so that every constant
is the kernel or the bias of a dense layer, which all formats store.
"""

from typing import Any, Protocol

import numpy as np

from classifier.novelty import LEAST, Novelty


class Operations(Protocol):
    """What a library computes; values are float32 (N, n)."""

    def dense(self, values: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
        """Returns values @ kernel + bias."""

    def squares(self, values: Any) -> Any:
        """Returns the sum of the squares of each row, (N, 1)."""

    def least(self, values: Any) -> Any:
        """Returns the least value of each row, (N, 1)."""

    def add(self, one: Any, other: Any) -> Any:
        """Returns the sums."""

    def log(self, values: Any) -> Any:
        """Returns the logarithms, of LEAST for values below it."""

    def join(self, values: list[Any]) -> Any:
        """Returns the columns of all values side by side."""


def novelty(ops: Operations, model: Novelty, vectors: Any) -> Any:
    """Returns the novelty (N, 1) of feature vectors (N, D)."""
    mean, whitening, means = model.mean, model.whitening, model.class_means
    inside = ops.dense(vectors, model.components, -mean @ model.components)
    whitened = ops.dense(inside, whitening, np.zeros(len(whitening)))
    from_mean = ops.squares(whitened)
    to_means = ops.dense(whitened, -2 * means.T, (means**2).sum(axis=1))
    nearest = ops.add(from_mean, ops.least(to_means))
    linear = ops.dense(vectors, -2 * mean[:, None], (mean**2).sum(keepdims=True))
    total = ops.add(ops.squares(vectors), linear)
    minus_inside = ops.dense(ops.squares(inside), -np.ones((1, 1)), np.zeros(1))
    outside = ops.add(total, minus_inside)
    logs = ops.join([ops.log(values) for values in (nearest, from_mean, outside, total)])
    distance, share, relative = model.weights
    kernel = np.array([[distance + relative], [-relative], [share], [-share]])
    return ops.dense(logs, kernel, model.bias.reshape(1))


class OpenvinoOperations:
    """OpenVINO's operations."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops

    def dense(self, values: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
        """Returns values @ kernel + bias."""
        product = self._ops.matmul(values, np.float32(kernel), False, False)
        return self._ops.add(product, np.float32(bias)).output(0)

    def squares(self, values: Any) -> Any:
        """Returns the sum of the squares of each row, (N, 1)."""
        products = self._ops.multiply(values, values)
        return self._ops.reduce_sum(products, np.array([1]), True).output(0)

    def least(self, values: Any) -> Any:
        """Returns the least value of each row, (N, 1)."""
        return self._ops.reduce_min(values, np.array([1]), True).output(0)

    def add(self, one: Any, other: Any) -> Any:
        """Returns the sums."""
        return self._ops.add(one, other).output(0)

    def log(self, values: Any) -> Any:
        """Returns the logarithms, of LEAST for values below it."""
        return self._ops.log(self._ops.maximum(values, np.float32(LEAST))).output(0)

    def join(self, values: list[Any]) -> Any:
        """Returns the columns of all values side by side."""
        return self._ops.concat(values, 1).output(0)


class KerasOperations:
    """Keras's layers and operations."""

    def dense(self, values: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
        """Returns values @ kernel + bias."""
        from classifier.inference.keras_backend import keras

        layer = keras.layers.Dense(kernel.shape[1])
        result = layer(values)
        layer.set_weights([np.float32(kernel), np.float32(bias)])
        return result

    def squares(self, values: Any) -> Any:
        """Returns the sum of the squares of each row, (N, 1)."""
        from classifier.inference.keras_backend import keras

        return keras.ops.sum(keras.ops.square(values), axis=1, keepdims=True)

    def least(self, values: Any) -> Any:
        """Returns the least value of each row, (N, 1)."""
        from classifier.inference.keras_backend import keras

        return keras.ops.min(values, axis=1, keepdims=True)

    def add(self, one: Any, other: Any) -> Any:
        """Returns the sums."""
        from classifier.inference.keras_backend import keras

        return keras.ops.add(one, other)

    def log(self, values: Any) -> Any:
        """Returns the logarithms, of LEAST for values below it."""
        from classifier.inference.keras_backend import keras

        return keras.ops.log(keras.ops.maximum(values, LEAST))

    def join(self, values: list[Any]) -> Any:
        """Returns the columns of all values side by side."""
        from classifier.inference.keras_backend import keras

        return keras.layers.Concatenate()(values)
