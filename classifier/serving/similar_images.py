"""Which training images a new image looks like, to the network."""

from dataclasses import dataclass

import numpy as np

from classifier.dataset.features import FeatureTable
from classifier.similarity.pca import PCA, normalize

LEARNED = 20_000  # images that the axes are made of, at most


@dataclass(frozen=True)
class SimilarImage:
    """A training image that is near another one.

    Attributes:
        path: of its file.
        label: name of its class.
        cosine: of the angle between both, seen from the mean of all; 1: alike.
    """

    path: str
    label: str
    cosine: float


class SimilarImages:
    """All training images along 128 principal axes: half a kilobyte of memory each.

    Args:
        table: results/features_train.npz.
    """

    def __init__(self, table: FeatureTable) -> None:
        self._table = table
        self._rows = np.flatnonzero(table.views == 0)
        some = self._rows[:: -(-len(self._rows) // LEARNED)]
        self._pca = PCA.fit(table.features, some)
        self._all = normalize(self._pca.transform(table.features, self._rows))

    def nearest(self, features: np.ndarray, count: int) -> list[SimilarImage]:
        """Returns the `count` nearest images, the nearest first.

        Args:
            features: of one image, (D,) or (h, w, c).
            count: of images; there may be fewer.
        """
        along = self._pca.transform(features[None], np.zeros(1, int))
        cosines = self._all @ normalize(along)[0]
        order = np.argsort(-cosines, kind="stable")[:count]
        rows = self._rows[order]
        labels = self._table.class_names[self._table.labels[rows]]
        return [
            SimilarImage(str(path), str(label), float(cosine))
            for path, label, cosine in zip(
                self._table.paths[rows], labels, cosines[order], strict=True
            )
        ]
