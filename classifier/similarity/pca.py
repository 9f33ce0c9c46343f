"""Principal component analysis of features on disk: short vectors that fit into memory."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from classifier.common import cores, parallel
from classifier.dataset.features import Array, rows_per_chunk

COMPONENTS = 128
MAX_SIDE = 4096  # of the eigenproblem; 128 MB
BLOCK = 512  # features whose products are summed up in one thread


@dataclass(frozen=True)
class PCA:
    """Principal axes of features.

    Attributes:
        factors: float64 (D,), on the features. Where they come from several layers, each layer then
            has the same total variance: otherwise that of `mixed10`, five times that of `mixed8`,
            would decide alone. The nearest neighbours of six datasets are then more often of the
            same class.
        mean: float64 (D,), of the scaled features.
        components: float64 (K, D), orthonormal, in order of decreasing variance.
        scales: float64 (K,), standard deviation along each component.
    """

    factors: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    scales: np.ndarray

    @classmethod
    def fit(
        cls,
        features: Array,
        rows: np.ndarray,
        n_components: int = COMPONENTS,
        layer_sizes: Sequence[int] = (),
    ) -> "PCA":
        """Returns the principal axes of some rows of features.

        Args:
            features: (N, D) vectors, or (N, h, w, c) maps, which are averaged.
            rows: int (n,), one or more; where n and D are more than MAX_SIDE, a part of them is
                used.
            n_components: fewer are kept where D or n - 1 is smaller.
            layer_sizes: number of features of each layer, where they come from several.
        """
        if features.shape[-1] > MAX_SIDE:
            rows = rows[:: -(-len(rows) // MAX_SIDE)]
        kept = min(n_components, features.shape[-1], max(len(rows) - 1, 1))
        # the eigenproblem of the smaller matrix, (n, n) or (D, D): at 84 x 2048 ten times as fast
        # as an SVD, at 2,000 x 2048 three times
        if len(rows) < features.shape[-1]:
            factors, mean, centred = _centred(features, rows, layer_sizes)
            variances, vectors = _largest(centred @ centred.T / len(rows), kept)
            components = np.linalg.qr(centred.T @ vectors)[0].T
        else:
            mean, covariance = _moments(features, rows)
            factors = _factors(covariance.diagonal(), layer_sizes)
            mean *= factors
            covariance *= factors
            covariance *= factors[:, None]
            variances, vectors = _largest(covariance, kept)
            components = vectors.T
        return cls(factors, mean, components, np.sqrt(np.maximum(variances, 1e-12)))

    def transform(self, features: Array, rows: np.ndarray) -> np.ndarray:
        """Returns some rows of features along the components, float32 (n, K)."""
        transformed = np.empty((len(rows), len(self.components)), np.float32)
        start = 0
        for chunk in iter_vectors(features, rows):
            transformed[start : start + len(chunk)] = (
                self.factors * chunk - self.mean
            ) @ self.components.T
            start += len(chunk)
        return transformed

    def add_mean(self, transformed: np.ndarray) -> np.ndarray:
        """Returns transformed rows with the mean added back, float32 (n, K + 1).

        The last column is the part of the mean orthogonal to all components, where images hardly
        differ.

        Args:
            transformed: float32 (n, K), from `transform`.
        """
        along = self.components @ self.mean
        rest = np.linalg.norm(self.mean - along @ self.components)
        last = np.full((len(transformed), 1), rest, np.float32)
        return np.concatenate([transformed + along.astype(np.float32), last], axis=1)


def _factors(variances: np.ndarray, layer_sizes: Sequence[int]) -> np.ndarray:
    """Returns the factors of the features, whose variances are float64 (D,)."""
    if len(layer_sizes) < 2:
        return np.ones(len(variances))
    totals = np.add.reduceat(variances, np.cumsum([0, *layer_sizes])[:-1])
    return np.repeat(1 / np.sqrt(np.maximum(totals, 1e-12)), layer_sizes)


def _centred(
    features: Array, rows: np.ndarray, layer_sizes: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the factors and the mean, float64 (D,), and a few scaled rows without it, (n, D)."""
    chunks = list(iter_vectors(features, rows))
    sums = [[chunk.sum(axis=0), (chunk**2).sum(axis=0)] for chunk in chunks]
    total, squares = np.sum(sums, axis=0)
    variances = squares / len(rows) - (total / len(rows)) ** 2
    factors = _factors(variances, layer_sizes)
    mean = factors * total / len(rows)
    return factors, mean, factors * np.concatenate(chunks) - mean


def _moments(features: Array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean and the covariance of rows, float64 (D,) and (D, D), in one pass.

    The sums are those of differences from the mean of the first chunk, so that few digits cancel
    out. One thread adds to a part of the covariance, in the order of the rows: the number of
    threads changes no bit.
    """
    width = features.shape[-1]
    blocks = [slice(start, start + BLOCK) for start in range(0, width, BLOCK)]
    pairs = [(one, other) for number, one in enumerate(blocks) for other in blocks[number:]]
    total, covariance = np.zeros(width), np.zeros((width, width))
    origin = next(iter_vectors(features, rows)).mean(axis=0)

    def add(pair: tuple[slice, slice]) -> None:
        one, other = pair
        covariance[one, other] += chunk[:, one].T @ chunk[:, other]

    batches = list(_batches(features, rows))
    ahead = parallel.prefetch_map(lambda batch: _vectors(features, batch), batches, 1, 2)
    with ThreadPoolExecutor(cores.count()) as pool:
        for chunk in ahead:
            chunk -= origin
            total += chunk.sum(axis=0)
            list(pool.map(add, pairs))
    for one, other in pairs:
        covariance[other, one] = covariance[one, other].T
    mean = total / len(rows)
    covariance /= len(rows)
    covariance -= mean[:, None] * mean
    return origin + mean, covariance


def _largest(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the largest eigenvalues, descending, and their eigenvectors, in half of eigh's time.

    Args:
        matrix: float64 (n, n), symmetric.
        count: how many, at most n.
    """
    from scipy.linalg import eigh  # takes 0.2 s

    bounds = len(matrix) - count, len(matrix) - 1
    values, vectors = eigh(matrix, subset_by_index=bounds, overwrite_a=True, check_finite=False)
    return values[::-1], vectors[:, ::-1]


def iter_vectors(features: Array, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yields some rows of features as float64 (n, D), a chunk at a time; maps are averaged."""
    return (_vectors(features, batch) for batch in _batches(features, rows))


def _batches(features: Array, rows: np.ndarray) -> Iterator[np.ndarray]:
    size = rows_per_chunk(features.shape[1:], features.dtype)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _vectors(features: Array, rows: np.ndarray) -> np.ndarray:
    chunk = features[rows].astype(np.float64)
    return chunk.reshape(len(chunk), -1, chunk.shape[-1]).mean(axis=1)


def normalize(vectors: np.ndarray) -> np.ndarray:
    """Returns the rows scaled to length 1; a row of zeros stays as it is."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
