"""The different contents of all images, and their perceptual hashes, on disk."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from classifier.common.disk_array import Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders
from classifier.dataset.features import FeatureTable
from classifier.dataset.npz import StoredArray
from classifier.images import perceptual_hash
from stages.inspect.unique_images import UniqueImages, path_order

NO_LONGER_USED = np.zeros(0, np.int32)
ON_DISK = ("first", "labels", "hash_rank")


@dataclass(frozen=True)
class Contents:
    """N images of U contents.

    Attributes:
        unique: the contents, the arrays ON_DISK there and without `inverse`.
        of_rows: int32 (N,), the content of each row of images.csv; on disk.
        hashes: uint8 (U, 32), perceptual hashes; on disk.
        repeated: bool (U,), whether several images have the content.
    """

    unique: UniqueImages
    of_rows: Rows
    hashes: Rows
    repeated: np.ndarray

    @classmethod
    def of(
        cls, train: FeatureTable, test: FeatureTable, hashes: StoredArray, scratch: Scratch
    ) -> "Contents":
        """Returns the contents of the images in both tables.

        Args:
            train: features of the training and validation images.
            test: features of the test images.
            hashes: uint8 (N, 32), perceptual hashes in the order of images.csv.
            scratch: for what is on disk.
        """
        unique = UniqueImages.from_tables(train, test)
        order = path_order(train, test)
        of_rows = scratch.keep(unique.inverse[order])
        own_hashes = scratch.array((perceptual_hash.BYTES,), np.uint8)
        places = orders.inverse(order)[unique.first[:]]
        for block in orders.blocks(len(places)):
            own_hashes.append(hashes[places[block]])
        repeated = np.bincount(unique.inverse) > 1
        on_disk: dict[str, Any] = {name: scratch.keep(getattr(unique, name)) for name in ON_DISK}
        unique = replace(unique, inverse=NO_LONGER_USED, **on_disk)
        return cls(unique, of_rows, own_hashes, repeated)
