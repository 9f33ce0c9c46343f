"""How similar images are to the most similar training image of another group.

Principal components find it, but all features tell how similar it is: the components fit the
training images, and would make test images look more similar to these than they are.
"""

import numpy as np

from classifier.dataset.features import Array, FeatureTable
from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import PCA, iter_vectors
from stages.inspect.unique_images import UniqueImages, image_rows

N_NEIGHBORS = 31  # searched, for the image itself and those of its group are among them


def find(
    train: FeatureTable,
    test: FeatureTable,
    unique: UniqueImages,
    pca: PCA,
    vectors: np.ndarray,
    units: np.ndarray,
) -> np.ndarray:
    """Returns the similarity of each content to the nearest training image of another group.

    float64 (U,), NaN where there is none.

    Args:
        train: features of the training and validation images.
        test: features of the test images.
        unique: U contents.
        pca: has the factors of the layers.
        vectors: float32 (U, K), each row of length 1.
        units: int (U,), the groups.
    """
    train_rows, test_rows = image_rows(train), image_rows(test)
    near = nearest_images(vectors, units, unique.n_train)
    found, known, first = np.full(len(near), np.nan), np.flatnonzero(near >= 0), unique.first
    for features_of, rows, start, own in (
        (train.features, train_rows, 0, known[known < unique.n_train]),
        (test.features, test_rows, len(train_rows), known[known >= unique.n_train]),
    ):
        pairs = rows[first[own] - start], train_rows[first[near[own]]]
        found[own] = cosine(features_of, pairs[0], train.features, pairs[1], pca.factors)
    return found


def nearest_images(vectors: np.ndarray, groups: np.ndarray, n_train: int) -> np.ndarray:
    """Returns the most similar training image of another group, int (N,); -1 if none was found.

    Args:
        vectors: float32 (N, K), each row of length 1.
        groups: int (N,).
        n_train: the first rows, the training images.
    """
    best, cosines = np.full(len(vectors), -1), np.full(len(vectors), -np.inf)
    for rows, near in nearest_neighbours.nearest(vectors, n_train, N_NEIGHBORS):
        others = groups[near] != groups[rows][:, None]  # the nearest first
        chosen = near[np.arange(len(near)), others.argmax(axis=1)]
        found = np.einsum("nk,nk->n", vectors[rows], vectors[chosen])
        better = others.any(axis=1) & (found > cosines[rows])
        best[rows[better]], cosines[rows[better]] = chosen[better], found[better]
    return best


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
    pairs = zip(iter_vectors(features, rows), iter_vectors(others, other_rows), strict=True)
    found = [np.zeros(0)]
    for one, other in pairs:
        products = [
            (x * y * factors**2).sum(axis=1) for x, y in ((one, other), (one, one), (other, other))
        ]
        found.append(products[0] / np.sqrt(np.maximum(products[1] * products[2], 1e-12)))
    return np.concatenate(found)
