"""Images with the same bytes counted once: copies must not confirm each other's label."""

from dataclasses import dataclass

import numpy as np

from classifier.dataset.features import Array, FeatureTable

UNKNOWN, CONFLICTING = -1, -2  # labels
BLOCK = 4096  # strings read at once


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


def path_order(train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """Returns the images of `train` followed by those of `test` in the order of their paths.

    That is the order of images.csv: int (N,), the number of the image in each of its rows.
    """
    paths = [encoded(table.paths, image_rows(table)) for table in (train, test)]
    return np.argsort(np.concatenate(paths), kind="stable")


def encoded(texts: Array, rows: np.ndarray) -> np.ndarray:
    """Returns rows of texts as UTF-8, bytes (n,): few characters of a str array need 4 bytes."""
    blocks = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
    found = [np.char.encode(texts[block], "utf-8") for block in blocks]
    return np.concatenate([np.zeros(0, "S1"), *found])


def _agreed_labels(inverse: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Returns the label of each content."""
    high, low = np.full(count, UNKNOWN), np.full(count, np.iinfo(np.int32).max)
    known = labels >= 0
    np.maximum.at(high, inverse[known], labels[known])
    np.minimum.at(low, inverse[known], labels[known])
    return np.where((high > UNKNOWN) & (high != low), CONFLICTING, high)
