"""Finds the training images that are most similar to an image, by its features."""

import numpy as np

from classifier.common.errors import StageError
from classifier.dataset import features
from classifier.dataset.features import FeatureTable
from classifier.similarity.pca import PCA, normalize

FIT_ROWS = 20_000  # images to fit the principal components on, at most
SEARCHED = 200_000  # training images, at most: 100 MB, and a second to read them at the start


class SimilarImages:
    """The training images, reduced to 128 principal components: 512 bytes of memory, and a path.

    Of more than SEARCHED images, every second, third, ... is searched. Nothing is read from the
    file later, because `dvc repro` may replace it.

    Args:
        table: results/features_train.
    """

    def __init__(self, table: FeatureTable) -> None:
        rows = table.image_rows  # augmented copies are no results
        rows = rows[:: -(-len(rows) // SEARCHED)]
        step = -(-len(rows) // FIT_ROWS)
        self._pca = PCA.fit(table.features, rows[::step], layer_sizes=table.layer_sizes.tolist())
        self._vectors = normalize(self._pca.transform(table.features, rows))  # (N, 128)
        self._paths = np.char.encode(table.paths[rows], "utf-8")  # a quarter of the memory
        self._class_names, self._labels = table.class_names, table.labels[rows]

    def nearest(self, image: np.ndarray, count: int) -> list[tuple[str, str]]:
        """Returns paths and classes of the `count` most similar training images, in order.

        `image` holds the features of one image, (D,) or (h, w, c).
        """
        vector = normalize(self._pca.transform(image[None], np.zeros(1, int)))[0]
        order = np.argsort(-(self._vectors @ vector), kind="stable")[:count]
        labels = self._class_names[self._labels[order]]
        paths = (path.decode() for path in self._paths[order].tolist())
        return list(zip(paths, labels.tolist(), strict=True))


def load(fingerprint: str) -> SimilarImages | None:
    """Returns the training images to search, or None if there are none with that fingerprint.

    So it is too if the file is damaged or of another version of this project.
    """
    try:
        table = features.read(features.TRAIN)
        return SimilarImages(table) if str(table.fingerprint) == fingerprint else None
    except (FileNotFoundError, StageError):
        return None
