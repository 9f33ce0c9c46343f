"""The principal axes of the training images, kept until these change: test images do not matter."""

import hashlib
from pathlib import Path

import numpy as np

from classifier.cache import arrays, fingerprint
from classifier.dataset.features import FeatureTable, rows_per_chunk
from classifier.similarity.pca import PCA

NAME = "axes.bin"
MOST = 50_000  # images; with more, reading the features once more would take its time


def fit(train: FeatureTable, rows: np.ndarray, folder: Path) -> PCA:
    """Returns the principal axes of some rows of the training images, as `PCA.fit`.

    Args:
        train: the features.
        rows: int (n,), those of n images.
        folder: of the cache.
    """
    layer_sizes = train.layer_sizes.tolist()
    recipe = ""
    if len(rows) <= MOST:
        recipe = fingerprint.of_axes(f"{layer_sizes}\n{_hash(train, rows)}")
        if found := arrays.read(folder / NAME, recipe):
            return PCA(**found)
    pca = PCA.fit(train.features, rows, layer_sizes=layer_sizes)
    if recipe:
        arrays.write(folder / NAME, recipe, vars(pca))
    return pca


def _hash(table: FeatureTable, rows: np.ndarray) -> str:
    features = table.features
    digest = hashlib.blake2b(str((len(rows), features.shape[1:])).encode())
    size = rows_per_chunk(features.shape[1:], features.dtype)
    for start in range(0, len(rows), size):
        digest.update(features[rows[start : start + size]].data)
    return digest.hexdigest()
