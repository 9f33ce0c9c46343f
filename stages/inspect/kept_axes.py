"""The principal axes of the training images, kept until these change: test images do not matter."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from classifier.cache import arrays, fingerprint
from classifier.common import cores, parallel
from classifier.common.disk_array import DiskArray
from classifier.common.scratch import Scratch
from classifier.dataset.features import FeatureTable, rows_per_chunk
from classifier.similarity.pca import PCA
from stages.inspect.unique_images import UniqueImages

BLOCK = 4096  # images that are transformed at once
NAME = "axes.bin"
MOST = 50_000  # images; with more, reading the features once more would take its time


def reduce_features(
    train: FeatureTable, test: FeatureTable, unique: UniqueImages, folder: Path, scratch: Scratch
) -> tuple[DiskArray, PCA]:
    """Returns the features of each content along principal components, float32 (U, K), and the PCA.

    The components are fitted to the training images, so that test images change no finding about
    these.
    """
    train_rows, test_rows = train.image_rows, test.image_rows
    fitted = train_rows[unique.first[: unique.n_train]]
    others = test_rows[unique.first[unique.n_train :] - len(train_rows)]
    del train_rows, test_rows
    pca = fit(train, fitted, folder)
    values = scratch.array((len(pca.components),))
    for table, rows in ((train, fitted), (test, others)):
        blocks = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
        transform = partial(pca.transform, table.features)
        for block in parallel.prefetch_map(transform, blocks, cores.count(), 2 * cores.count()):
            values.append(block)
    return values, pca


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
