"""One factor on all logits that makes probabilities as high as they are right (Guo et al. 2017)."""

import numpy as np

STEPS = 50  # of Newton's method, at most
SAMPLE = 10_000  # rows that are enough for one number
TOLERANCE = 1e-6  # nats by which the loss may still fall
LIMITS = -12.0, 12.0  # of its logarithm
SMOOTHING = 0.1  # images that count as of any class


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Returns the logarithms of the softmax of each row, (N, C)."""
    shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def log_loss(log_probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Returns the weighted mean log loss, in nats.

    Args:
        log_probabilities: float (N, C).
        labels: int (N,).
        weights: float (N,), of the rows.
    """
    losses = -log_probabilities[np.arange(len(labels)), labels]
    return float((losses * weights).sum() / weights.sum())


def fit(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Returns the factor on the logits with the lowest log loss, by Newton's method.

    The loss is convex in the factor. Its logarithm is sought, so that it stays positive. A tenth of
    an image counts as of any class: else the factor would have no limit where all are right. With a
    whole one (Platt 1999), probabilities of images set aside were too low.

    Args:
        logits: float (N, C).
        labels: int (N,).
        weights: float (N,), of the rows.
    """
    step = -(-len(labels) // SAMPLE)
    logits, labels, weights = logits[::step].astype(np.float64), labels[::step], weights[::step]
    logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
    smoothing = SMOOTHING / len(labels)
    own = logits[np.arange(len(labels)), labels]
    own = (1 - smoothing) * own + smoothing * logits.mean(axis=1)
    scale = float(np.abs(logits - logits.mean(axis=1, keepdims=True)).mean()) or 1.0
    squares = logits**2
    log_factor = float(np.clip(-np.log(scale), *LIMITS))
    for _ in range(STEPS):
        factor = np.exp(log_factor)
        exponentials = np.exp(factor * logits)
        total = exponentials.sum(axis=1)
        mean = np.einsum("nc,nc->n", exponentials, logits) / total
        variance = np.einsum("nc,nc->n", exponentials, squares) / total - mean**2
        slope = factor * ((mean - own) * weights).sum()
        curvature = slope + factor**2 * (variance * weights).sum()
        move = -slope / max(curvature, abs(slope), 1e-12)
        log_factor = float(np.clip(log_factor + move, *LIMITS))
        if abs(move * slope) < TOLERANCE * weights.sum():
            break
    return float(np.exp(log_factor))
