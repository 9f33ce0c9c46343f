"""Finds the training images that are most similar to an image, by its features."""

import numpy as np

from classifier.dataset import features
from classifier.dataset.features import FeatureTable
from classifier.similarity.pca import PCA, normalize

FIT_ROWS = 20_000  # images to fit the principal components on, at most


class SimilarImages:
    """The training images, reduced to 128 principal components: 512 bytes of memory each.

    Args:
        table: results/features_train.npz.
    """

    def __init__(self, table: FeatureTable) -> None:
        self._table = table
        self._rows = np.flatnonzero(table.views == 0)  # augmented copies are no results
        step = -(-len(self._rows) // FIT_ROWS)
        self._pca = PCA.fit(table.features, self._rows[::step])
        self._vectors = normalize(self._pca.transform(table.features, self._rows))  # (N, 128)

    def nearest(self, image: np.ndarray, count: int) -> list[tuple[str, str]]:
        """Returns paths and classes of the `count` most similar training images, in order.

        `image` holds the features of one image, (D,) or (h, w, c).
        """
        vector = normalize(self._pca.transform(image[None], np.zeros(1, int)))[0]
        order = np.argsort(-(self._vectors @ vector), kind="stable")[:count]
        rows = self._rows[order]
        labels = self._table.class_names[self._table.labels[rows]]
        return list(zip(self._table.paths[rows].tolist(), labels.tolist(), strict=True))


def load(fingerprint: str) -> SimilarImages | None:
    """Returns the training images to search, or None unless their features have a fingerprint."""
    if not features.TRAIN.exists():
        return None
    table = features.read(features.TRAIN)
    return SimilarImages(table) if str(table.fingerprint) == fingerprint else None
