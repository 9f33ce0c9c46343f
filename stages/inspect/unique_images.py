"""Images with the same bytes counted once: copies must not confirm each other's label."""

from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.dataset.features import Array, FeatureTable
from classifier.dataset.lazy_array import LazyArray

UNKNOWN, CONFLICTING = -1, -2  # labels


@dataclass(frozen=True)
class UniqueImages:
    """The distinct contents of the images in features_train and then features_test.

    Attributes (int32):
        inverse: (N,), content of each image; contents are numbered in order of appearance.
        first: (U,), the first image of each content.
        labels: (U,), class index, UNKNOWN, or CONFLICTING where the images disagree.
        hash_rank: (U,), place of each content in the order of hashes, independent of names.
        n_train: the number of contents in features_train; they come first.
    """

    inverse: np.ndarray
    first: Rows
    labels: Rows
    hash_rank: Rows
    n_train: int

    @classmethod
    def from_tables(cls, train: FeatureTable, test: FeatureTable) -> "UniqueImages":
        """Returns the contents of the images in both tables."""
        rows = joined_rows(train, test)
        first, inverse = orders.unique_hashes(LazyArray([train.sha256, test.sha256]), rows)
        hash_rank = np.argsort(first).astype(np.int32)
        inverse, first = orders.inverse(hash_rank)[inverse], first[hash_rank]
        n_train = int(np.sum(first < len(train.image_rows)))
        labels = LazyArray([train.labels, test.labels])[rows]
        agreed = _agreed_labels(inverse, labels, len(first))
        return cls(inverse, first, agreed, hash_rank, n_train)


def joined_rows(train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """Returns the rows of the images of `train` and then of `test`, int32 (N,).

    Those of `test` are counted on from those of `train`.
    """
    return np.concatenate([train.image_rows, test.image_rows + np.int32(len(train.views))])


def path_order(train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """Returns the images of `train` followed by those of `test` in the order of their paths.

    That is the order of images.csv: int32 (N,), the number of the image in each of its rows.
    """
    paths = LazyArray([_encoded(table.paths) for table in (train, test)])
    return orders.path_order(paths, joined_rows(train, test))


def _encoded(texts: Array) -> Array:
    return texts.encoded if isinstance(texts, LazyArray) else np.char.encode(texts, "utf-8")


def _agreed_labels(inverse: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Returns the label of each content."""
    high = np.full(count, UNKNOWN, np.int32)
    low = np.full(count, np.iinfo(np.int32).max, np.int32)
    known = labels >= 0
    np.maximum.at(high, inverse[known], labels[known])
    np.minimum.at(low, inverse[known], labels[known])
    high[(high > UNKNOWN) & (high != low)] = CONFLICTING
    return high
