"""Name the classes of the test pictures.

Reads   results/test.npz, results/problems.csv, models/head
Writes  results/predictions.csv, results/test.csv
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages import features, head, layout, outputs, params, problems, scores
from stages.averaging import Averaging
from stages.errors import run
from stages.problems import Problem

PREDICTIONS = Path("results/predictions.csv")


@dataclass(frozen=True)
class Params(Averaging):
    """Section `predict` of params.yaml."""

    top_k: int  # classes listed for a picture, most probable first

    def __post_init__(self) -> None:
        super().__post_init__()
        params.require(self.top_k >= 1, "predict.top_k", "1 or more", self.top_k)


def top_classes(probabilities: np.ndarray, k: int) -> np.ndarray:
    """Returns the `k` most probable classes of each picture, best first.

    Args:
        probabilities: float (N, C); each row sums to 1.
        k: classes to keep; more than C means all of them.

    Returns:
        int (N, min(k, C)) class indices; a tie goes to the lower index.
    """
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


def header(count: int) -> list[str]:
    """Returns the columns of predictions.csv for `count` classes a picture."""
    more = [f"{name}_{place}" for place in range(2, count + 1) for name in ("class", "probability")]
    return ["path", "status", "predicted", "probability", *more, "predicted_index"]


def table(
    paths: Sequence[str],
    probabilities: np.ndarray,
    skipped: Sequence[Problem],
    class_names: Sequence[str],
    count: int,
) -> list[list[object]]:
    """Returns the rows of predictions.csv in path order, a row per test file.

    Args:
        paths: of N readable pictures.
        probabilities: float (N, C).
        skipped: the unreadable ones, whose status is the problem.
        class_names: str (C,); `predicted_index` is a place in it, counted from 0.
        count: classes listed for a picture, C at most.
    """
    rows: list[list[object]] = []
    for path, row, order in zip(
        paths, probabilities, top_classes(probabilities, count), strict=True
    ):
        cells = [cell for k in order for cell in (class_names[k], f"{row[k]:.6f}")]
        rows.append([path, "ok", *cells, int(order[0])])
    empty = [""] * (2 * count + 1)
    rows += [[problem.path, problem.problem, *empty] for problem in skipped]
    return sorted(rows, key=lambda cells: str(cells[0]))


def write_labelled(
    path: Path,
    paths: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
) -> None:
    """Writes how the test pictures of known class were judged, for `evaluate`; maybe no row."""
    known = labels >= 0
    scored = scores.score(probabilities[known], labels[known], names)
    scores.write(path, paths[known].tolist(), scored)


def main(
    test_npz: Path = features.TEST,
    problems_csv: Path = problems.PATH,
    folder: Path = head.FOLDER,
    out: Path = PREDICTIONS,
    test_csv: Path = scores.TEST,
) -> None:
    """Predicts the classes of all test pictures."""
    settings = params.load("predict", Params)
    test, model = features.read(test_npz), head.read(folder)
    names = model.about.class_names
    below = (layout.INPUT / "test").as_posix() + "/"
    skipped = [
        problem
        for problem in problems.read(problems_csv)
        if problem.action == "skipped" and problem.path.startswith(below)
    ]
    pictures = test.grid(test.averaged)
    probabilities = model.judge(test, pictures)
    paths, labels = test.paths[pictures[:, 0]], test.labels[pictures[:, 0]]
    count = min(settings.top_k, len(names))
    rows = table(paths.tolist(), probabilities, skipped, names, count)
    outputs.write_csv(out, header(count), rows)
    write_labelled(test_csv, paths, labels, probabilities, names)
    unread = f", {len(skipped)} of them skipped" if skipped else ""
    print(f"predict: {len(rows)} test files{unread} -> {out.as_posix()}{model.about.warning}")


if __name__ == "__main__":
    run(main)
