"""Which images to label next.

With few labels, the typical ones: of the largest clusters without a label that image which has the
nearest neighbours (Hacohen et al. 2022, typiclust). Then the uncertain ones whose labels tell most
about the others. This was chosen on six datasets, each with features of two layers; on none of them
was it worse than a choice at random beyond chance. `python -m benchmarks.label` compares it with
other strategies.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from classifier.labelling import clusters, learner
from classifier.labelling.learner import Labels

BATCH = 10  # images chosen at once
START = 20  # images that are chosen as typical, and START_PER_CLASS of each class
START_PER_CLASS = 2
MAX_CLUSTERS = 100
NEIGHBOURS = 20
LEAST = 2  # labels of each class: `validate` asks for them


@dataclass(frozen=True)
class Pool:
    """The images to choose from.

    Attributes:
        points: float32 (N, K), along the principal axes.
        labels: of some images.
        closed: int (m,), other images that must not be chosen.
        seed: of all that is drawn.
    """

    points: np.ndarray
    labels: Labels
    closed: np.ndarray
    seed: int = 0

    @property
    def open(self) -> np.ndarray:
        """Returns the images that may be chosen, int (M,), ascending."""
        taken = np.zeros(len(self.points), bool)
        taken[self.labels.images] = taken[self.closed] = True
        return np.flatnonzero(~taken)

    @property
    def starts(self) -> bool:
        """Tells whether there are too few labels for a head to tell what it does not know."""
        few = max(START, START_PER_CLASS * self.labels.n_classes)
        return len(self.labels.images) < few or self.labels.n_classes < learner.MIN_CLASSES

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of some images, float32 (n, C)."""
        return learner.probabilities(self.points[images], learner.fit(self.points, self.labels))


def margins(probabilities: np.ndarray) -> np.ndarray:
    """Returns by how much the most probable of C classes is ahead of the next, float (n,)."""
    best = np.sort(probabilities, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def random(pool: Pool, count: int) -> np.ndarray:
    """Returns images at random, int (n,)."""
    rng = np.random.default_rng([pool.seed, len(pool.labels.images)])
    return rng.permutation(pool.open)[:count]


def typical(pool: Pool, count: int) -> np.ndarray:
    """Returns the most typical image of each of the largest clusters with the fewest labels."""
    directions = clusters.directions(pool.points)
    free = np.isin(np.arange(len(directions)), pool.open)
    n_clusters = min(len(pool.labels.images) + count, MAX_CLUSTERS, len(directions))
    members = clusters.k_means(directions, n_clusters, pool.seed)
    labelled = np.bincount(members[pool.labels.images], minlength=n_clusters)
    sizes = np.bincount(members[free], minlength=n_clusters)
    chosen = list[int]()
    for _ in range(min(count, int(free.sum()))):
        (cluster, *_) = np.lexsort((-sizes, labelled, sizes == 0))
        own = np.flatnonzero((members == cluster) & free)
        image = int(own[_closeness(directions[own]).argmax()])
        chosen.append(image)
        free[image] = False
        labelled[cluster] += 1
        sizes[cluster] -= 1
    return np.array(chosen, int)


def _closeness(points: np.ndarray) -> np.ndarray:
    """Returns how near each point is to its nearest neighbours, higher is nearer, float (n,)."""
    some = points[np.linspace(0, len(points) - 1, min(len(points), 1000)).astype(int)]
    products = points @ some.T  # of unit vectors
    nearest = np.sort(products, axis=1)[:, ::-1][:, : NEIGHBOURS + 1]
    return -np.asarray(np.sqrt(np.maximum(2 - 2 * nearest, 0)).mean(axis=1))


def margin(pool: Pool, count: int) -> np.ndarray:
    """Returns the images with the smallest margins."""
    if pool.labels.n_classes < learner.MIN_CLASSES:
        return random(pool, count)
    free = pool.open
    return free[np.argsort(margins(pool.probabilities(free)), kind="stable")[:count]]


def coreset(pool: Pool, count: int) -> np.ndarray:
    """Returns images far from all labelled and chosen ones (Sener and Savarese 2018)."""
    directions, free, chosen = clusters.directions(pool.points), pool.open, list[int]()
    left = np.full(len(free), np.inf, np.float32)
    if len(pool.labels.images):
        left = clusters.nearest(directions[free], directions[pool.labels.images])[1]
    for _ in range(min(count, len(free))):
        place = int(left.argmax())
        chosen.append(int(free[place]))
        left = np.minimum(left, ((directions[free] - directions[chosen[-1]]) ** 2).sum(axis=1))
        left[place] = -1
    return np.array(chosen, int)


def informative(pool: Pool, count: int) -> np.ndarray:
    """Returns uncertain images whose labels tell most about all images without a label.

    If what is to be learned were a linear function of the directions, known with an error, a label
    would lower its variance at all images by an amount that no other label changes but those given
    before (Yu, Bi and Tresp 2006, transductive experimental design). This amount, times the square
    of the image's rank by its margin, the largest margin first, decides, image by image. But the
    first is the most probable image of the classes with too few labels, if there are any.
    """
    free, directions = pool.open, clusters.directions(pool.points).astype(np.float64)
    points, known = directions[free], directions[pool.labels.images]
    shares = pool.probabilities(free)
    ranks = np.argsort(np.argsort(-margins(shares), kind="stable"), kind="stable") + 1.0
    squares, identity = points.T @ points, np.eye(points.shape[1])
    covariance = np.linalg.inv(identity + known.T @ known)
    scarce = np.bincount(pool.labels.classes, minlength=pool.labels.n_classes) < LEAST
    chosen = list[int]()
    if scarce.any() and len(free):
        ranks[shares[:, scarce].max(axis=1).argmax()] = 1e9
    for _ in range(min(count, len(free))):
        solved = points @ covariance
        variances = 1 + (solved * points).sum(axis=1)
        gains = ranks**2 * ((solved @ squares) * solved).sum(axis=1) / variances
        gains[chosen] = -1
        best = int(gains.argmax())
        chosen.append(best)
        covariance -= np.outer(solved[best], solved[best]) / variances[best]
    return free[chosen]


def teaching(pool: Pool, count: int) -> np.ndarray:
    """Returns typical images while labels are few, then informative ones."""
    return typical(pool, count) if pool.starts else informative(pool, count)


STRATEGIES: dict[str, Callable[[Pool, int], np.ndarray]] = {
    "teaching": teaching,
    "random": random,
    "margin": margin,
    "typical": typical,
    "coreset": coreset,
}
