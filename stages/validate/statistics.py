"""What is counted while the images pass by, and what is odd about their sizes and numbers."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from classifier.common.errors import first_names
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem

TINY = 32  # pixels of the shorter side; fewer tell little
EXTREME = 5  # the longer side to the shorter; more is hardly itself once squeezed into a square
ODD = ("tiny", "extreme_shape")
FEW = 10  # images of a class; with fewer, two at most validate
UNEVEN = 10  # the largest class to the smallest


@dataclass
class DatasetStatistics:
    """What is counted while the rows pass by, in 40 bytes for each.

    Attributes:
        counts: images by split, and `test_labelled`.
        per_class: training images by class.
        contents: up to two different hashes by class: two are enough.
        starts: the first 8 bytes of every hash, in which equal ones are looked for.
        looks: of every image, 32 bytes each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    per_class: Counter[str] = field(default_factory=Counter)
    contents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    starts: "array[int]" = field(default_factory=lambda: array("Q"))
    looks: bytearray = field(default_factory=bytearray)

    def add(self, row: ImageRow, look: bytes) -> None:
        """Counts a row."""
        self.looks += look
        self.counts[row.split] += 1
        self.counts["test_labelled"] += row.split == "test" and row.label != ""
        self.starts.append(_start(row))
        if row.split == "train":
            self.per_class[row.label] += 1
            if len(self.contents[row.label]) < 2:
                self.contents[row.label].add(row.sha256)

    def repeated(self, rows: Iterable[ImageRow]) -> list[ImageRow]:
        """Returns those of the rows, passing by again, that may have the content of another."""
        starts, counts = np.unique(np.array(self.starts, np.uint64), return_counts=True)
        several = set(starts[counts > 1].tolist())
        return [row for row in rows if _start(row) in several] if several else []


def _start(row: ImageRow) -> int:
    return int(row.sha256[:16], 16)


def size_problems(row: ImageRow) -> list[Problem]:
    """Returns what is odd about an image's size; it is kept."""
    size = f"{row.width:,} x {row.height:,} pixels"
    short, long = sorted((row.width, row.height))
    found = []
    if short < TINY:
        detail = f"{size}: fewer than {TINY} a side tell little"
        found.append(Problem(row.path, "tiny", detail, "kept"))
    if long > EXTREME * short:
        detail = f"{size}: is squeezed into the shape of all others"
        found.append(Problem(row.path, "extreme_shape", detail, "kept"))
    return found


def class_warnings(per_class: Counter[str], train: str) -> list[str]:
    """Returns what should be known of the classes though the work goes on, a sentence each.

    Args:
        per_class: images of each.
        train: the folder that they are in.
    """
    found = []
    alike = defaultdict(list)
    for name in sorted(per_class):
        alike[name.casefold()].append(name)
    for names in alike.values():
        if len(names) > 1:
            found.append(f"{train}: {', '.join(names)} differ only in case; are they one class?")
    if few := [f"{name} ({count})" for name, count in sorted(per_class.items()) if count < FEW]:
        found.append(
            f"{train}: fewer than {FEW} images of {first_names(few)}; scores will say little, "
            "add some if you can"
        )
    (most, largest), (least, smallest) = per_class.most_common()[0], per_class.most_common()[-1]
    if largest >= UNEVEN * smallest:
        found.append(
            f"{train}: {largest:,} images of {most}, {smallest:,} of {least}; rare classes "
            "are seldom predicted: add some, or try train.class_weight: balanced"
        )
    return found
