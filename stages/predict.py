"""Predict the classes of the test images and of the unlabelled images.

Reads   results/features_test.npz, results/features_unlabelled.npz, results/problems.csv,
        models/head
Writes  results/predictions.csv, results/predictions_unlabelled.csv, results/scored_test.csv
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier import head
from classifier.common import files, params
from classifier.common.errors import count, run_main
from classifier.dataset import features, folders, problems
from classifier.dataset.features import FeatureTable
from classifier.dataset.problems import Problem
from classifier.evaluation import predictions, scored_images
from classifier.evaluation.predictions import Decision, Params
from classifier.head import Head


@dataclass(frozen=True)
class Predictions:
    """The predictions of N images; `skipped` are files that are no usable images."""

    paths: np.ndarray  # str (N,)
    labels: np.ndarray  # int (N,); -1 if unknown
    probabilities: np.ndarray  # float (N, C)
    novelty: np.ndarray  # float (N,)
    skipped: list[Problem]


def predict(model: Head, table: FeatureTable, skipped: list[Problem]) -> Predictions:
    """Returns the predictions of the images of a table, averaged over their views."""
    views = table.view_rows(table.tta_views)
    images = views[:, 0]
    return Predictions(
        table.paths[images], table.labels[images], *model.predict(table, views), skipped
    )


def skipped_files(problems_csv: Path, split: str) -> list[Problem]:
    """Returns the problems of the files of a split that are not usable images."""
    every = problems.read(problems_csv)
    return [one for one in every if one.action == "skipped" and one.split == split]


def write(
    out: Path, found: Predictions, class_names: Sequence[str], top_k: int, decision: Decision
) -> int:
    """Writes the predictions, and returns how many rows there are."""
    rows = predictions.table(
        found.paths.tolist(),
        found.probabilities,
        found.novelty,
        found.skipped,
        class_names,
        top_k,
        decision,
    )
    files.write_csv(out, predictions.header(top_k), rows)
    return len(rows)


def main(
    test_npz: Path = features.TEST,
    unlabelled_npz: Path = features.UNLABELLED,
    problems_csv: Path = problems.PATH,
    head_folder: Path = head.FOLDER,
    out: Path = predictions.PATH,
    unlabelled_out: Path = predictions.UNLABELLED,
    scored_csv: Path = scored_images.TEST,
) -> None:
    """Predicts all test and unlabelled images, and scores those whose class is known."""
    settings = params.load("predict", Params)
    model = head.read(head_folder)
    class_names = model.info.class_names
    top_k = min(settings.top_k, len(class_names))
    decision = Decision(model.novelty_threshold(settings.keep), settings.min_probability)
    test, unlabelled = (
        predict(model, features.read(path), skipped_files(problems_csv, split))
        for path, split in ((test_npz, "test"), (unlabelled_npz, folders.UNLABELLED))
    )
    total = write(out, test, class_names, top_k, decision)
    more = write(unlabelled_out, unlabelled, class_names, top_k, decision)
    known = test.labels >= 0
    scored = scored_images.score(test.probabilities[known], test.labels[known], class_names)
    scored_images.write(scored_csv, test.paths[known].tolist(), scored)
    line = f"predict: {count(total, 'test file')}{parts(test, decision)} -> {out.as_posix()}"
    if more:
        line += f", {more:,} unlabelled{parts(unlabelled, decision)} -> {unlabelled_out.as_posix()}"
    random = model.info.weights == head.RANDOM
    note = "; check for unknown images skipped" if random else ""
    print(f"{line}{note}{model.info.warning}")


def parts(found: Predictions, decision: Decision) -> str:
    """Returns how many files have no class, in words."""
    skipped = f", {len(found.skipped)} of them skipped" if found.skipped else ""
    unknown, known = found.novelty > decision.threshold, found.labels >= 0
    uncertain = ~unknown & (found.probabilities.max(axis=1) < decision.min_probability)
    return skipped + part_of("unknown", unknown, known) + part_of("uncertain", uncertain, known)


def part_of(word: str, chosen: np.ndarray, labelled: np.ndarray) -> str:
    """Returns how many images are `word`, in words; `chosen` and `labelled` are bool (N,)."""
    if not chosen.any():
        return ""
    lost = int((chosen & labelled).sum())
    of_classes = f" ({lost} of the {labelled.sum()} whose class is known)" if lost else ""
    return f", {chosen.sum()} {word}{of_classes}"


if __name__ == "__main__":
    run_main(main)
