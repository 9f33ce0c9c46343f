"""The novelty of an image as part of a network: as in classifier/novelty.py, from dense layers.

Squares of differences are multiplied out, |x - m|^2 = |x|^2 - 2 x m + |m|^2, so that every constant
is the kernel or the bias of a dense layer, which all formats store.
"""

from typing import Any

import numpy as np

from classifier.novelty import LEAST, Novelty


def novelty(ops: Any, model: Novelty, vectors: Any) -> Any:
    """Returns the novelty (N, 1) of feature vectors (N, D), outputs of OpenVINO's `ops`."""

    def dense(values: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
        product = ops.matmul(values, np.float32(kernel), False, False)
        return ops.add(product, np.float32(bias))

    def squares(values: Any) -> Any:
        return ops.reduce_sum(ops.multiply(values, values), np.array([1]), True)

    mean, whitening, means = model.mean, model.whitening, model.class_means
    inside = dense(vectors, model.components, -mean @ model.components)
    whitened = dense(inside, whitening, np.zeros(len(whitening)))
    from_mean = squares(whitened)
    to_means = dense(whitened, -2 * means.T, (means**2).sum(axis=1))
    nearest = ops.add(from_mean, ops.reduce_min(to_means, np.array([1]), True))
    linear = dense(vectors, -2 * mean[:, None], (mean**2).sum(keepdims=True))
    total = ops.add(squares(vectors), linear)
    outside = ops.subtract(total, squares(inside))
    distances = (nearest, from_mean, outside, total)
    logs = [ops.log(ops.maximum(values, np.float32(LEAST))) for values in distances]
    distance, share, relative = model.weights
    kernel = np.array([[distance + relative], [-relative], [share], [-share]])
    return dense(ops.concat(logs, 1), kernel, model.bias.reshape(1))
