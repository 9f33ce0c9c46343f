"""Name the classes of the test images.

Reads   results/features_test.npz, results/problems.csv, models/head
Writes  results/predictions.csv, results/scored_test.csv
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifier import head
from classifier.common import files, params
from classifier.common.errors import run_main
from classifier.dataset import features, folders, problems
from classifier.evaluation import metrics, predictions
from classifier.evaluation.predictions import TopKParams


def write_labelled(
    path: Path,
    paths: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
) -> None:
    """Writes how the test images of known class were judged, for `evaluate`; maybe no row."""
    known = labels >= 0
    scored = metrics.score(probabilities[known], labels[known], names)
    metrics.write(path, paths[known].tolist(), scored)


def main(
    test_npz: Path = features.TEST,
    problems_csv: Path = problems.PATH,
    folder: Path = head.FOLDER,
    out: Path = predictions.PATH,
    test_csv: Path = metrics.SCORED_TEST,
) -> None:
    """Predicts the classes of all test images."""
    settings = params.load("predict", TopKParams)
    test, model = features.read(test_npz), head.read(folder)
    names = model.info.class_names
    below = (folders.INPUT / "test").as_posix() + "/"
    skipped = [
        problem
        for problem in problems.read(problems_csv)
        if problem.action == "skipped" and problem.path.startswith(below)
    ]
    images = test.view_rows(test.tta_views)
    probabilities = model.predict(test, images)
    paths, labels = test.paths[images[:, 0]], test.labels[images[:, 0]]
    count = min(settings.top_k, len(names))
    rows = predictions.table(paths.tolist(), probabilities, skipped, names, count)
    files.write_csv(out, predictions.header(count), rows)
    write_labelled(test_csv, paths, labels, probabilities, names)
    unread = f", {len(skipped)} of them skipped" if skipped else ""
    print(f"predict: {len(rows)} test files{unread} -> {out.as_posix()}{model.info.warning}")


if __name__ == "__main__":
    run_main(main)
