"""results/scored_validation.csv, scored_test.csv: predictions beside the true classes."""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from classifier.common import files
from classifier.common.disk_array import Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders

VALIDATION = Path("results/scored_validation.csv")
TEST = Path("results/scored_test.csv")
HEADER = ("path", "label", "predicted", "probability", "true_class_probability", "true_class_rank")


class ScoredImage(NamedTuple):
    """A prediction for an image whose class is known: a row of the file."""

    path: str
    label: str  # its class
    predicted: str  # the most probable class
    probability: float  # of the predicted class
    true_class_probability: float
    true_class_rank: int  # of its class, 1 if that is the most probable one

    @property
    def correct(self) -> bool:
        """Tells whether the predicted class is the true one."""
        return self.label == self.predicted


@dataclass(frozen=True)
class ScoredImages:
    """Predictions for N images whose class is known; all arrays but `names` are (N,).

    They are in memory or on disk.

    Attributes:
        names: str (C,), the classes; objects.
        label: int, index into `names`, the true class.
        predicted: int, the most probable class.
        probability: float32 or float64, of the predicted class.
        true_class_probability: float, of the true class.
        true_class_rank: int, 1 where the true class is the most probable one.
    """

    names: np.ndarray
    label: Rows
    predicted: Rows
    probability: Rows
    true_class_probability: Rows
    true_class_rank: Rows

    @property
    def correct(self) -> np.ndarray:
        """Returns where the predicted class is the true one, bool (N,)."""
        return np.asarray(self.true_class_rank[:] == 1)

    def select(self, chosen: np.ndarray | slice) -> "ScoredImages":
        """Returns some of the images; `chosen` is bool (N,) or a slice."""
        columns = {name: column[chosen] for name, column in vars(self).items() if name != "names"}
        return ScoredImages(self.names, **columns)

    def blocks(self) -> Iterator["ScoredImages"]:
        """Yields the images in order, some at a time."""
        return map(self.select, orders.blocks(len(self.label)))


def score(
    probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> ScoredImages:
    """Returns the predictions beside the true classes; in a tie the lower index is predicted.

    Args:
        probabilities: float (N, C); each row sums to 1.
        labels: int (N,), indices into `class_names`.
        class_names: str (C,).
    """
    rows, number = np.arange(len(labels)), np.min_scalar_type(len(class_names))
    predicted = probabilities.argmax(axis=1)
    return ScoredImages(
        names=np.array(class_names, object),
        label=labels.astype(number),
        predicted=predicted.astype(number),
        probability=probabilities[rows, predicted],
        true_class_probability=probabilities[rows, labels],
        true_class_rank=ranks(probabilities, labels).astype(number),
    )


def ranks(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the rank of a class in each row, from 1, int32 (N,); in a tie the lower index first.

    Args:
        probabilities: float (N, C).
        labels: int (N,), the classes.
    """
    own = probabilities[np.arange(len(labels)), labels][:, None]
    before = np.arange(probabilities.shape[1]) < labels[:, None]
    higher = (probabilities > own) | ((probabilities == own) & before)
    return higher.sum(axis=1, dtype=np.int32) + np.int32(1)


def on_disk(parts: Iterable[ScoredImages], scratch: Scratch) -> ScoredImages:
    """Returns the images of one or more parts in order; can be read while `scratch` is open."""
    columns: dict[str, Any] = {}
    for part in parts:
        for name, values in vars(part).items():
            if name == "names":
                columns[name] = values
                continue
            if name not in columns:
                columns[name] = scratch.array((), values.dtype)
            columns[name].append(values)
    return ScoredImages(**columns)


def write(path: Path, paths: Iterable[str], scored: ScoredImages) -> None:
    """Writes a row per image, probabilities with six significant digits."""
    rows = chain.from_iterable(map(_cells, scored.blocks()))
    files.write_csv(path, HEADER, ([image, *row] for image, row in zip(paths, rows, strict=True)))


def _cells(scored: ScoredImages) -> Iterator[tuple[object, ...]]:
    return zip(
        scored.names[scored.label[:]],
        scored.names[scored.predicted[:]],
        (f"{value:.6g}" for value in scored.probability[:].tolist()),
        (f"{value:.6g}" for value in scored.true_class_probability[:].tolist()),
        scored.true_class_rank[:].tolist(),
        strict=True,
    )


def iter_rows(path: Path) -> Iterator[ScoredImage]:
    """Yields the rows, in path order."""
    for image, label, predicted, *numbers, rank in files.iter_rows(path):
        probability, of_label = map(float, numbers)
        yield ScoredImage(
            image, sys.intern(label), sys.intern(predicted), probability, of_label, int(rank)
        )


def read(path: Path) -> ScoredImages:
    """Returns the rows without their paths."""
    numbers = dict[str, int]()
    columns: list[array[Any]] = [array(code) for code in "iiddi"]
    for image in iter_rows(path):
        _, label, predicted, *others = image
        codes = (numbers.setdefault(name, len(numbers)) for name in (label, predicted))
        for column, value in zip(columns, (*codes, *others), strict=True):
            column.append(value)
    arrays = (np.frombuffer(column, column.typecode) for column in columns)
    return ScoredImages(np.array(list(numbers), object), *arrays)
