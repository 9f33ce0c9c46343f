"""Name the classes of the test pictures.

Reads   results/test.npz, results/problems.csv, models/head
Writes  results/predictions.csv, results/test.csv
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages import features, head, layout, outputs, params, predictions, problems, scores
from stages.averaging import Averaging
from stages.errors import run
from stages.predictions import Listed


@dataclass(frozen=True)
class Params(Averaging, Listed):
    """Section `predict` of params.yaml."""

    def __post_init__(self) -> None:
        Averaging.__post_init__(self)
        Listed.__post_init__(self)


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
    out: Path = predictions.PATH,
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
    rows = predictions.table(paths.tolist(), probabilities, skipped, names, count)
    outputs.write_csv(out, predictions.header(count), rows)
    write_labelled(test_csv, paths, labels, probabilities, names)
    unread = f", {len(skipped)} of them skipped" if skipped else ""
    print(f"predict: {len(rows)} test files{unread} -> {out.as_posix()}{model.about.warning}")


if __name__ == "__main__":
    run(main)
