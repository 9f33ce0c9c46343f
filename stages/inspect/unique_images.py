"""Images of the same bytes as one: copies neither vouch for one another nor count twice."""

from dataclasses import dataclass

import numpy as np

from classifier.dataset.features import FeatureTable

UNKNOWN, SEVERAL = -1, -2  # classes


@dataclass(frozen=True)
class UniqueImages:
    """What the images of results/features_train.npz, and after them those of results/features_test.npz, contain.

    Attributes:
        number: int (N,), content of each image, counted from 0 in the order in which they come.
        first: int (U,), the first image of each content.
        labels: int (U,), class, UNKNOWN or, where its images disagree, SEVERAL.
        place: int (U,), in the order of their hashes, which no name has a say in.
        learned: how many are of results/features_train.npz.
    """

    number: np.ndarray
    first: np.ndarray
    labels: np.ndarray
    place: np.ndarray
    learned: int

    @classmethod
    def of(cls, train: FeatureTable, test: FeatureTable) -> "UniqueImages":
        """Returns the contents of the images of both files."""
        tables = [(table, np.flatnonzero(table.views == 0)) for table in (train, test)]
        hashes = np.concatenate([table.sha256[rows].astype("S64") for table, rows in tables])
        labels = np.concatenate([table.labels[rows] for table, rows in tables])
        _, first, number = np.unique(hashes, return_index=True, return_inverse=True)
        place = np.argsort(first)
        rank = np.argsort(place)
        number, first = rank[number], first[place]
        learned = int(np.sum(first < len(tables[0][1])))
        return cls(number, first, _agreed(number, labels, len(first)), place, learned)


def _agreed(number: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Returns the class of each content."""
    high, low = np.full(count, UNKNOWN), np.full(count, np.iinfo(np.int32).max)
    known = labels >= 0
    np.maximum.at(high, number[known], labels[known])
    np.minimum.at(low, number[known], labels[known])
    return np.where((high > UNKNOWN) & (high != low), SEVERAL, high)
