"""How similar images are to the most similar training image of another group.

Principal components find it, but all features tell how similar it is: the components fit the
training images, and would make test images look more similar to these than they are.
"""

from collections.abc import Iterator

import numpy as np

from classifier.common import cores, parallel
from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.dataset.features import MAX_CHUNK, Array, FeatureTable
from classifier.similarity.pca import iter_vectors
from stages.inspect.unique_images import UniqueImages

PAIRS = 2048  # whose features are read at once: the others' are anywhere, in each part some


def similarities(
    train: FeatureTable,
    test: FeatureTable,
    unique: UniqueImages,
    near: Rows,
    factors: np.ndarray,
) -> np.ndarray:
    """Returns the similarity of each content to its nearest training image.

    float32 (U,), NaN where there is none.

    Args:
        train: features of the training and validation images.
        test: features of the test images.
        unique: U contents.
        near: int (U,), the content of the nearest training image; -1 if there is none.
        factors: float64 (D,), on the features.
    """
    train_rows, test_rows = train.image_rows, test.image_rows
    found, first, end = np.full(len(near), np.nan, np.float32), unique.first, unique.n_train
    for features_of, rows, start, contents in (
        (train.features, train_rows, 0, range(end)),
        (test.features, test_rows, len(train_rows), range(end, len(near))),
    ):
        for block in orders.blocks(len(contents)):
            own = np.array(contents[block])
            own = own[near[own] >= 0]
            pairs = rows[first[own] - start], train_rows[first[near[own]]]
            found[own] = cosine(features_of, pairs[0], train.features, pairs[1], factors)
    return found


def cosine(
    features: Array, rows: np.ndarray, others: Array, other_rows: np.ndarray, factors: np.ndarray
) -> np.ndarray:
    """Returns the cosine of each row of features with a row of others, float64 (n,).

    Args:
        features: (R, D) vectors, or (R, h, w, c) maps, which are averaged.
        rows: int (n,).
        others: of the same shape but R.
        other_rows: int (n,).
        factors: float64 (D,), on the features.
    """
    row = features.dtype.itemsize * int(np.prod(features.shape[1:]))
    size = max(1, min(PAIRS, MAX_CHUNK // row))

    def of_block(start: int) -> np.ndarray:
        block = slice(start, start + size)
        one, other = features[rows[block]], others[other_rows[block]]
        return np.concatenate(list(_cosines(one, other, factors)))

    starts = range(0, len(rows), size)
    found = parallel.prefetch_map(of_block, starts, cores.count(), cores.count())
    return np.concatenate([np.zeros(0), *found])


def _cosines(one: np.ndarray, other: np.ndarray, factors: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the cosine of each row with the other at its place, a chunk at a time."""
    places = np.arange(len(one))
    for x, y in zip(iter_vectors(one, places), iter_vectors(other, places), strict=True):
        x *= factors
        y *= factors
        products = [np.einsum("nd,nd->n", *pair) for pair in ((x, y), (x, x), (y, y))]
        yield products[0] / np.sqrt(np.maximum(products[1] * products[2], 1e-12))
