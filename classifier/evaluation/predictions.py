"""results/predictions.csv: the classes of images, most probable first."""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from classifier.common.params import PositiveInt, Range
from classifier.dataset.folders import UNCERTAIN, UNKNOWN
from classifier.dataset.problems import Problem

PATH = Path("results/predictions.csv")
UNLABELLED = Path("results/predictions_unlabelled.csv")


@dataclass(frozen=True)
class Params:
    """Section `predict` of params.yaml, which `classify`, `serve` and `export` share."""

    top_k: PositiveInt  # classes listed for an image, most probable first
    keep: Annotated[float, Range(0, 1, above=True)]  # of known classes; the others are unknown
    min_probability: Annotated[float, Range(0, 1)]  # below it an image is uncertain


@dataclass(frozen=True)
class Decision:
    """When the prediction for an image is not its most probable class.

    Attributes:
        threshold: novelty above which it is `unknown`; infinite: never.
        min_probability: probability of the class below which it is else `uncertain`.
    """

    threshold: float
    min_probability: float

    def predicted(self, class_name: str, probability: float, novelty: float) -> str:
        """Returns the prediction for an image: its most probable class, or why it is none."""
        if novelty > self.threshold:
            return UNKNOWN
        return UNCERTAIN if probability < self.min_probability else class_name


def is_unknown(row: Mapping[str, str]) -> bool:
    """Tells whether a row of predictions.csv is of no class; a class may be named `unknown` too."""
    return row["predicted"] == UNKNOWN != row["class_1"]


def top_classes(probabilities: np.ndarray, k: int) -> np.ndarray:
    """Returns the `k` most probable classes of each image, best first.

    Args:
        probabilities: float (N, C); each row sums to 1.
        k: classes to keep; more than C means all of them.

    Returns:
        int (N, min(k, C)) class indices; a tie goes to the lower index.
    """
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


def header(count: int) -> list[str]:
    """Returns the columns of predictions.csv for `count` classes per image."""
    more = [f"{name}_{rank}" for rank in range(2, count + 1) for name in ("class", "probability")]
    first = ["path", "status", "predicted", "probability", "novelty", "class_1"]
    return [*first, *more, "predicted_index"]


def prediction_row(
    path: str,
    classes: Sequence[int],
    probabilities: Sequence[float],
    novelty: float,
    class_names: Sequence[str],
    decision: Decision,
) -> list[object]:
    """Returns the row of a readable image.

    Args:
        path: of the image.
        classes: int (k,), those listed, most probable first.
        probabilities: float (k,), of these.
        novelty: how unlike the training images it is; NaN if not known.
        class_names: str (C,); `predicted_index` is an index into it, from 0.
        decision: which images are predicted to be of no class.
    """
    pairs = zip(classes, probabilities, strict=True)
    (name, first), *more = ((class_names[k], f"{value:.6f}") for k, value in pairs)
    predicted = decision.predicted(name, probabilities[0], novelty)
    score = "" if math.isnan(novelty) else f"{novelty:.3f}"
    others = (cell for pair in more for cell in pair)
    return [path, "ok", predicted, first, score, name, *others, int(classes[0])]


def unreadable_row(path: str, problem: str, count: int) -> list[object]:
    """Returns the row of a file that is not a usable image."""
    return [path, problem, *[""] * (2 * count + 3)]


def with_skipped(
    rows: Iterable[list[object]], skipped: Iterable[Problem], count: int
) -> Iterator[list[object]]:
    """Yields a row per file, in path order.

    Args:
        rows: of the readable images, in path order.
        skipped: the problems of the other files, in path order; they become the status.
        count: classes listed per image.
    """
    others = (unreadable_row(problem.path, problem.problem, count) for problem in skipped)
    return heapq.merge(rows, others, key=lambda row: str(row[0]))
