"""Finds the training images that are most similar to an image, by its features."""

from dataclasses import dataclass

import numpy as np

from classifier.dataset.features import FeatureTable
from classifier.similarity.pca import PCA, normalize

FIT_ROWS = 20_000  # images to fit the principal components on, at most


@dataclass(frozen=True)
class SimilarImage:
    """A training image that is similar to another image.

    Attributes:
        path: of its file.
        label: name of its class.
        cosine: similarity of the centred features, -1 to 1.
    """

    path: str
    label: str
    cosine: float


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

    def nearest(self, features: np.ndarray, count: int) -> list[SimilarImage]:
        """Returns the `count` most similar training images, the most similar first.

        Args:
            features: of one image, (D,) or (h, w, c).
            count: number of images; fewer if there are not as many.
        """
        vector = normalize(self._pca.transform(features[None], np.zeros(1, int)))[0]
        cosines = self._vectors @ vector
        order = np.argsort(-cosines, kind="stable")[:count]
        rows = self._rows[order]
        labels = self._table.class_names[self._table.labels[rows]]
        return [
            SimilarImage(str(path), str(label), float(cosine))
            for path, label, cosine in zip(
                self._table.paths[rows], labels, cosines[order], strict=True
            )
        ]
