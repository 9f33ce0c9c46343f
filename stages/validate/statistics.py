"""What is collected about the usable images while their rows are written."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from classifier.dataset.manifest import ImageRow


@dataclass
class DatasetStatistics:
    """Numbers, hashes and contents of the images, about 40 bytes for each.

    Attributes:
        counts: images by split, and `test_labelled`.
        per_class: training images by class.
        contents: up to two different content hashes by class.
        hash_prefixes: the first 8 bytes of every content hash, to find duplicates.
        perceptual_hashes: of every image, 32 bytes each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    per_class: Counter[str] = field(default_factory=Counter)
    contents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hash_prefixes: "array[int]" = field(default_factory=lambda: array("Q"))
    perceptual_hashes: bytearray = field(default_factory=bytearray)

    def add(self, row: ImageRow, perceptual_hash: bytes) -> None:
        """Adds an image."""
        self.perceptual_hashes += perceptual_hash
        self.counts[row.split] += 1
        self.counts["test_labelled"] += row.split == "test" and row.label != ""
        self.hash_prefixes.append(_hash_prefix(row))
        if row.split == "train":
            self.per_class[row.label] += 1
            if len(self.contents[row.label]) < 2:
                self.contents[row.label].add(row.sha256)

    def possible_duplicates(self, rows: Iterable[ImageRow]) -> list[ImageRow]:
        """Returns those of the rows that share the prefix of their content hash with another."""
        prefixes, counts = np.unique(np.array(self.hash_prefixes, np.uint64), return_counts=True)
        repeated = set(prefixes[counts > 1].tolist())
        return [row for row in rows if _hash_prefix(row) in repeated] if repeated else []


def _hash_prefix(row: ImageRow) -> int:
    return int(row.sha256[:16], 16)
