"""results/predictions.csv: the classes of images, most probable first."""

from collections.abc import Mapping, Sequence
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
    probabilities: np.ndarray,
    novelty: float,
    class_names: Sequence[str],
    count: int,
    decision: Decision,
) -> list[object]:
    """Returns the row of a readable image.

    Args:
        path: of the image.
        probabilities: float (C,), which sum to 1.
        novelty: how unlike the training images it is; NaN if not known.
        class_names: str (C,).
        count: classes listed, at most C.
        decision: which images are predicted to be of no class.
    """
    (order,) = top_classes(probabilities[None], count)
    (name, first), *more = ((class_names[k], f"{probabilities[k]:.6f}") for k in order)
    predicted = decision.predicted(name, probabilities[order[0]], novelty)
    score = "" if np.isnan(novelty) else f"{novelty:.3f}"
    others = (cell for pair in more for cell in pair)
    return [path, "ok", predicted, first, score, name, *others, int(order[0])]


def unreadable_row(path: str, problem: str, count: int) -> list[object]:
    """Returns the row of a file that is not a usable image."""
    return [path, problem, *[""] * (2 * count + 3)]


def table(
    paths: Sequence[str],
    probabilities: np.ndarray,
    novelty: np.ndarray,
    skipped: Sequence[Problem],
    class_names: Sequence[str],
    count: int,
    decision: Decision,
) -> list[list[object]]:
    """Returns a row per file, in path order.

    Args:
        paths: of the N readable images.
        probabilities: float (N, C).
        novelty: float (N,).
        skipped: the problems of the other files; they become the status.
        class_names: str (C,); `predicted_index` is an index into it, from 0.
        count: classes listed per image, at most C.
        decision: which images are predicted to be of no class.
    """
    rows = [
        prediction_row(path, row, float(score), class_names, count, decision)
        for path, row, score in zip(paths, probabilities, novelty, strict=True)
    ]
    rows += [unreadable_row(problem.path, problem.problem, count) for problem in skipped]
    return sorted(rows, key=lambda row: str(row[0]))
