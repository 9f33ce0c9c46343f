"""What is collected about the usable images while their rows are written."""

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np

from classifier.common.scratch import Scratch
from classifier.dataset.folders import UNLABELLED
from classifier.dataset.manifest import ImageRow
from classifier.images import grey_levels
from classifier.images.capture import Capture
from classifier.images.grey_levels import Range
from stages.validate.bursts import Bursts
from stages.validate.external_sort import KEYED, sorted_parts
from stages.validate.params import ValueRange
from stages.validate.record_file import RecordFile

SHORT = 6  # bytes of a hash: a whole number that float64 can hold


class DatasetStatistics:
    """Numbers, contents and times of the images.

    In memory: a byte for each image, 12 for each burst, and 16 for each image with more than 8
    bits.
    """

    def __init__(
        self, scratch: Scratch, group_seconds: int, value_range: ValueRange = "auto"
    ) -> None:
        self._value_range, self._scratch, self._rows = value_range, scratch, 0
        self.counts = Counter[str]()  # images by split, and `test_labelled`
        self.labels = defaultdict[str, Counter[str]](Counter)  # images by split and class
        self.contents = defaultdict[str, set[str]](set)  # up to two content hashes by class
        self.bursts = Bursts(group_seconds, scratch)
        self._hashes = RecordFile(scratch, KEYED)  # of perceptual hashes
        self._extremes: defaultdict[tuple[str, int], array[float]] = defaultdict(lambda: array("d"))

    @property
    def per_class(self) -> Counter[str]:
        """Returns the number of training images by class."""
        return self.labels["train"]

    def add(self, row: ImageRow, perceptual_hash: bytes, capture: Capture | None) -> None:
        """Adds an image; of an unlabelled one only its number counts."""
        self.counts[row.split] += 1
        if row.split == UNLABELLED:
            return
        self.bursts.add(row, capture)
        short = hashlib.blake2b(perceptual_hash, digest_size=SHORT).digest()
        self._hashes.append((0, int.from_bytes(short, "little"), self._rows))
        self._rows += 1
        self.counts["test_labelled"] += row.split == "test" and row.label != ""
        self.labels[row.split][row.label] += 1
        if row.split == "train" and len(self.contents[row.label]) < 2:
            self.contents[row.label].add(row.sha256)

    def add_extremes(self, row: ImageRow, extremes: Sequence[float]) -> None:
        """Adds the darkest and the brightest value of an image with more than 8 bits."""
        rank = {"train": 0, UNLABELLED: 2}.get(row.split, 1)
        self._extremes[row.conversion.split()[0], rank].extend(extremes)

    def grey_ranges(self) -> dict[str, Range]:
        """Returns black and white by depth.

        They are `validate.value_range`, or found in the training images; where none has the depth,
        in those of validation and test, else in the unlabelled ones.
        """
        depths = sorted({depth for depth, _ in self._extremes})
        if self._value_range != "auto":
            return dict.fromkeys(depths, Range(*map(float, self._value_range)))
        values = {
            depth: next(filter(None, (self._extremes.get((depth, rank)) for rank in range(3))))
            for depth in depths
        }
        return {
            depth: grey_levels.range_of_set(depth, np.frombuffer(found).reshape(-1, 2))
            for depth, found in values.items()
        }

    def possible_duplicates(self, rows: Iterable[ImageRow]) -> Iterable[ImageRow]:
        """Returns those of the rows, in the order added, that share a perceptual hash.

        Of these hashes only SHORT bytes are compared, so others may be among them by chance.
        """
        shared, found = np.zeros(self._rows, bool), np.zeros(0, KEYED)
        for part in sorted_parts(self._hashes.rows(), self._scratch):
            found = np.concatenate([found[-1:], part])
            same = np.flatnonzero(np.diff(found["value"]) == 0)
            shared[found["row"][same]] = shared[found["row"][same + 1]] = True
        return compress(rows, shared)
