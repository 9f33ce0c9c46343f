"""results/predictions.csv: the classes of images, most probable first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common.params import PositiveInt
from classifier.dataset.problems import Problem

PATH = Path("results/predictions.csv")


@dataclass(frozen=True)
class TopKParams:
    """The value of section `predict` that other commands share."""

    top_k: PositiveInt  # classes listed for an image, most probable first


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
    return ["path", "status", "predicted", "probability", *more, "predicted_index"]


def prediction_row(
    path: str, probabilities: np.ndarray, class_names: Sequence[str], count: int
) -> list[object]:
    """Returns the row of a readable image.

    Args:
        path: of the image.
        probabilities: float (C,), which sum to 1.
        class_names: str (C,).
        count: classes listed, at most C.
    """
    (order,) = top_classes(probabilities[None], count)
    cells = [cell for k in order for cell in (class_names[k], f"{probabilities[k]:.6f}")]
    return [path, "ok", *cells, int(order[0])]


def unreadable_row(path: str, problem: str, count: int) -> list[object]:
    """Returns the row of a file that is not a usable image."""
    return [path, problem, *[""] * (2 * count + 1)]


def table(
    paths: Sequence[str],
    probabilities: np.ndarray,
    skipped: Sequence[Problem],
    class_names: Sequence[str],
    count: int,
) -> list[list[object]]:
    """Returns a row per test file, in path order.

    Args:
        paths: of the N readable images.
        probabilities: float (N, C).
        skipped: the problems of the other files; they become the status.
        class_names: str (C,); `predicted_index` is an index into it, from 0.
        count: classes listed per image, at most C.
    """
    rows = [
        prediction_row(path, row, class_names, count)
        for path, row in zip(paths, probabilities, strict=True)
    ]
    rows += [unreadable_row(problem.path, problem.problem, count) for problem in skipped]
    return sorted(rows, key=lambda row: str(row[0]))
