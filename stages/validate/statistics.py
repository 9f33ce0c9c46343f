"""What is collected about the usable images while their rows are written."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import compress

import numpy as np

from classifier.dataset.manifest import ImageRow
from classifier.images.perceptual_hash import BYTES


class DatasetStatistics:
    """Numbers, hashes and contents of the images, 32 bytes for each."""

    def __init__(self) -> None:
        self.counts = Counter[str]()  # images by split, and `test_labelled`
        self.labels = defaultdict[str, Counter[str]](Counter)  # images by split and class
        self.contents = defaultdict[str, set[str]](set)  # up to two content hashes by class
        self.perceptual_hashes = bytearray()

    @property
    def per_class(self) -> Counter[str]:
        """Returns the number of training images by class."""
        return self.labels["train"]

    def add(self, row: ImageRow, perceptual_hash: bytes) -> None:
        """Adds an image."""
        self.perceptual_hashes += perceptual_hash
        self.counts[row.split] += 1
        self.counts["test_labelled"] += row.split == "test" and row.label != ""
        self.labels[row.split][row.label] += 1
        if row.split == "train" and len(self.contents[row.label]) < 2:
            self.contents[row.label].add(row.sha256)

    def possible_duplicates(self, rows: Iterable[ImageRow]) -> Iterable[ImageRow]:
        """Returns those of the rows, in the order added, that share a perceptual hash."""
        hashes = np.frombuffer(bytes(self.perceptual_hashes), f"V{BYTES}")
        _, index, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        return compress(rows, counts[index] > 1)
