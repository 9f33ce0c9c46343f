"""Groups of images that look alike, by k-means (starts of Arthur and Vassilvitskii 2007)."""

import numpy as np

AXES = 32  # in which distances are measured
STEPS = 15  # at most
ROWS = 4096  # at once


def directions(points: np.ndarray) -> np.ndarray:
    """Returns points of length 1 in which distances are measured, float32 (N, AXES).

    Args:
        points: float32 (N, K), along the principal axes.
    """
    some = points[:, :AXES]
    return np.asarray(some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-9))


def k_means(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Returns the cluster of each point, int (N,), 0 to K - 1; some may be empty.

    Args:
        points: float32 (N, D).
        count: K, at most N.
        seed: of the start.
    """
    centres = points[_starts(points, count, np.random.default_rng(seed))]
    labels = nearest(points, centres)[0]
    for _ in range(STEPS):
        order = np.argsort(labels, kind="stable")
        used, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
        centres[used] = np.add.reduceat(points[order], starts) / sizes[:, None]
        before, labels = labels, nearest(points, centres)[0]
        if np.array_equal(before, labels):
            break
    return labels


def nearest(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the nearest centre of each point, int (N,), and its squared distance, float32 (N,).

    Args:
        points: float32 (N, D).
        centres: float32 (K, D).
    """
    labels, distances = np.empty(len(points), int), np.empty(len(points), np.float32)
    norms = (centres**2).sum(axis=1)
    for start in range(0, len(points), ROWS):
        part = slice(start, start + ROWS)
        squares = norms - 2 * points[part] @ centres.T
        labels[part] = squares.argmin(axis=1)
        distances[part] = squares.min(axis=1) + (points[part] ** 2).sum(axis=1)
    return labels, np.maximum(distances, 0)


def central(points: np.ndarray) -> np.ndarray:
    """Returns the order of points by their distance from the mean, int (N,), nearest first."""
    return np.argsort(((points - points.mean(axis=0)) ** 2).sum(axis=1), kind="stable")


def _starts(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns points far apart, int (K,): drawn by the squared distance to those before."""
    chosen = [int(rng.integers(len(points)))]
    left = ((points - points[chosen[0]]) ** 2).sum(axis=1, dtype=np.float64)
    for _ in range(count - 1):
        left[chosen] = 0
        sums = np.cumsum(left)
        at_random = int(rng.integers(len(points)))  # where all others are copies of those chosen
        drawn = int(np.searchsorted(sums, rng.random() * sums[-1], "right"))
        chosen.append(min(drawn, len(points) - 1) if sums[-1] > 0 else at_random)
        left = np.minimum(left, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return np.array(chosen)
