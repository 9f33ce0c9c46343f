"""The files of input/test: how many there are of each kind, and those that are shown."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import tee
from typing import NamedTuple

from classifier.common.sorted_join import look_up
from classifier.common.top import Top
from classifier.evaluation import predictions
from classifier.evaluation.scored_images import ScoredImage
from stages.report.scored import PER_GROUP

SEARCHABLE = 50_000  # test images in the gallery
Row = Mapping[str, str]  # of results/predictions.csv


class ListedFile(NamedTuple):
    """A test file as the gallery shows it.

    One that is not a usable image has only a path and a status; its probability is NaN.
    """

    path: str
    status: str  # ok, or the kind of problem
    class_1: str  # the most probable class
    probability: float  # of it
    predicted: str  # a class, `unknown` or `uncertain`
    label: str  # its class; empty if unknown


@dataclass(frozen=True)
class Tested:
    """Predictions of test files.

    Attributes:
        files: number of all.
        usable: number of images among them.
        first: the first SEARCHABLE files, in path order.
        unknown: PER_GROUP images that look like no class, the most novel first.
        n_unknown: number of all these.
        n_unknown_labelled: number of those whose class is known.
    """

    files: int
    usable: int
    first: Sequence[ListedFile]
    unknown: Sequence[Row]
    n_unknown: int
    n_unknown_labelled: int


def of(rows: Iterable[Row], images: Iterable[ScoredImage]) -> Tested:
    """Returns what the page shows.

    Args:
        rows: of results/predictions.csv, in path order.
        images: of known class among these, in path order.
    """
    usable = n_unknown = n_labelled = count = 0
    first = list[ListedFile]()
    unknown = Top[Row](PER_GROUP, lambda row: (-float(row["novelty"]), row["path"]))
    all_rows, others = tee(rows)
    known = ((image.path, image.label) for image in images)
    labels = look_up((row["path"] for row in others), known, "")
    for count, (row, label) in enumerate(zip(all_rows, labels, strict=True), 1):
        usable += row["status"] == "ok"
        if count <= SEARCHABLE:
            first.append(_file(row, label))
        if predictions.is_unknown(row):
            n_unknown += 1
            n_labelled += label != ""
            unknown.add(row)
    return Tested(count, usable, first, unknown.items, n_unknown, n_labelled)


def _file(row: Row, label: str) -> ListedFile:
    names = ("status", "class_1", "predicted")
    status, class_1, predicted = (sys.intern(row[name]) for name in names)
    probability = float(row["probability"] or "nan")
    return ListedFile(row["path"], status, class_1, probability, predicted, sys.intern(label))
