"""Images with the same bytes counted once: copies must not confirm each other's label."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from classifier.common import parallel
from classifier.dataset.features import FeatureTable

UNKNOWN, CONFLICTING = -1, -2  # labels


@dataclass(frozen=True)
class UniqueImages:
    """The distinct contents of the images in features_train and then features_test.

    Attributes:
        inverse: int (N,), content of each image; contents are numbered in order of appearance.
        first: int (U,), the first image of each content.
        labels: int (U,), class index, UNKNOWN, or CONFLICTING where the images disagree.
        hash_rank: int (U,), place of each content in the order of hashes, independent of names.
        n_train: the number of contents in features_train; they come first.
    """

    inverse: np.ndarray
    first: np.ndarray
    labels: np.ndarray
    hash_rank: np.ndarray
    n_train: int

    @classmethod
    def from_tables(cls, train: FeatureTable, test: FeatureTable) -> "UniqueImages":
        """Returns the contents of the images in both tables."""
        tables = [(table, image_rows(table)) for table in (train, test)]
        hashes = np.concatenate([table.sha256[rows] for table, rows in tables])
        labels = np.concatenate([table.labels[rows] for table, rows in tables])
        _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        hash_rank = np.argsort(first)
        inverse, first = np.argsort(hash_rank)[inverse], first[hash_rank]
        n_train = int(np.sum(first < len(tables[0][1])))
        agreed = _agreed_labels(inverse, labels, len(first))
        return cls(inverse, first, agreed, hash_rank, n_train)


def image_rows(table: FeatureTable) -> np.ndarray:
    """Returns the rows of the images themselves, without their augmented copies, int (P,)."""
    return np.flatnonzero(table.views == 0)


def index_of_paths(paths: Iterable[str], train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """Returns the place of each path among the images of `train` followed by those of `test`."""
    index: dict[str, int] = {}
    for table in (train, test):
        for rows in parallel.batched(image_rows(table), 4096):  # NumPy pads strings
            for path in table.paths[np.array(rows)].tolist():
                index[path] = len(index)
    return np.array([index[path] for path in paths], int)


def _agreed_labels(inverse: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Returns the label of each content."""
    high, low = np.full(count, UNKNOWN), np.full(count, np.iinfo(np.int32).max)
    known = labels >= 0
    np.maximum.at(high, inverse[known], labels[known])
    np.minimum.at(low, inverse[known], labels[known])
    return np.where((high > UNKNOWN) & (high != low), CONFLICTING, high)
