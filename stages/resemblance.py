"""Which training pictures a new picture looks like, to the network."""

from dataclasses import dataclass

import numpy as np

from stages import projection
from stages.features import Table

LEARNED = 20_000  # pictures that the axes are made of, at most


@dataclass(frozen=True)
class Resembling:
    """A training picture that is near another one.

    Attributes:
        path: of its file.
        label: name of its class.
        cosine: of the angle between both, seen from the mean of all; 1: alike.
    """

    path: str
    label: str
    cosine: float


class Resemblance:
    """All training pictures along 128 principal axes: half a kilobyte of memory each.

    Args:
        table: results/train.npz.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = np.flatnonzero(table.views == 0)
        some = self._rows[:: -(-len(self._rows) // LEARNED)]
        self._projection = projection.fit(table.features, some)
        self._all = projection.unit(self._projection.of(table.features, self._rows))

    def nearest(self, features: np.ndarray, count: int) -> list[Resembling]:
        """Returns the `count` nearest pictures, the nearest first.

        Args:
            features: of one picture, (D,) or (h, w, c).
            count: of pictures; there may be fewer.
        """
        along = self._projection.of(features[None], np.zeros(1, int))
        cosines = self._all @ projection.unit(along)[0]
        order = np.argsort(-cosines, kind="stable")[:count]
        rows = self._rows[order]
        labels = self._table.class_names[self._table.labels[rows]]
        return [
            Resembling(str(path), str(label), float(cosine))
            for path, label, cosine in zip(
                self._table.paths[rows], labels, cosines[order], strict=True
            )
        ]
