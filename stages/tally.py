"""What is counted while the pictures pass by, and what is odd about their sizes and numbers."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from stages.errors import some
from stages.manifest import Row
from stages.problems import Problem

TINY = 32  # pixels of the shorter side; fewer tell little
EXTREME = 5  # the longer side to the shorter; more is hardly itself once squeezed into a square
ODD = ("tiny", "extreme_shape")
FEW = 10  # pictures of a class; with fewer, two at most validate
UNEVEN = 10  # the largest class to the smallest


@dataclass
class Tally:
    """What is counted while the rows pass by, in 40 bytes for each.

    Attributes:
        counts: pictures by split, and `test_labelled`.
        per_class: training pictures by class.
        contents: up to two different hashes by class: two are enough.
        starts: the first 8 bytes of every hash, in which equal ones are looked for.
        looks: of every picture, 32 bytes each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    per_class: Counter[str] = field(default_factory=Counter)
    contents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    starts: "array[int]" = field(default_factory=lambda: array("Q"))
    looks: bytearray = field(default_factory=bytearray)

    def add(self, row: Row, look: bytes) -> None:
        """Counts a row."""
        self.looks += look
        self.counts[row.split] += 1
        self.counts["test_labelled"] += row.split == "test" and row.label != ""
        self.starts.append(_start(row))
        if row.split == "train":
            self.per_class[row.label] += 1
            if len(self.contents[row.label]) < 2:
                self.contents[row.label].add(row.sha256)

    def repeated(self, rows: Iterable[Row]) -> list[Row]:
        """Returns those of the rows, passing by again, that may have the content of another."""
        starts, counts = np.unique(np.array(self.starts, np.uint64), return_counts=True)
        several = set(starts[counts > 1].tolist())
        return [row for row in rows if _start(row) in several] if several else []


def _start(row: Row) -> int:
    return int(row.sha256[:16], 16)


def odd(row: Row) -> list[Problem]:
    """Returns what is odd about a picture's size; it is kept."""
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


def doubts(per_class: Counter[str], train: str) -> list[str]:
    """Returns what should be known of the classes though the work goes on, a sentence each.

    Args:
        per_class: pictures of each.
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
            f"{train}: fewer than {FEW} pictures of {some(few)}; scores will say little, "
            "add some if you can"
        )
    (most, largest), (least, smallest) = per_class.most_common()[0], per_class.most_common()[-1]
    if largest >= UNEVEN * smallest:
        found.append(
            f"{train}: {largest:,} pictures of {most}, {smallest:,} of {least}; rare classes "
            "are seldom predicted: add some, or try train.class_weight: balanced"
        )
    return found
