"""Predict the classes of the test images.

Reads   results/features_test.npz, results/problems.csv, models/head
Writes  results/predictions.csv, results/scored_test.csv
"""

from pathlib import Path

import numpy as np

from classifier import head
from classifier.common import files, params
from classifier.common.errors import count, run_main
from classifier.dataset import features, problems
from classifier.dataset.problems import Problem
from classifier.evaluation import predictions, scored_images
from classifier.evaluation.predictions import Decision, Params


def skipped_test_files(problems_csv: Path) -> list[Problem]:
    """Returns the problems of the test files that are not usable images."""
    every = problems.read(problems_csv)
    return [one for one in every if one.action == "skipped" and one.split == "test"]


def main(
    test_npz: Path = features.TEST,
    problems_csv: Path = problems.PATH,
    head_folder: Path = head.FOLDER,
    out: Path = predictions.PATH,
    scored_csv: Path = scored_images.TEST,
) -> None:
    """Predicts all test images, and scores those whose class is known."""
    settings = params.load("predict", Params)
    test, model = features.read(test_npz), head.read(head_folder)
    class_names = model.info.class_names
    skipped = skipped_test_files(problems_csv)
    views = test.view_rows(test.tta_views)
    probabilities, novelty = model.predict(test, views)
    paths, labels = test.paths[views[:, 0]], test.labels[views[:, 0]]
    top_k = min(settings.top_k, len(class_names))
    decision = Decision(model.novelty_threshold(settings.keep), settings.min_probability)
    rows = predictions.table(
        paths.tolist(), probabilities, novelty, skipped, class_names, top_k, decision
    )
    files.write_csv(out, predictions.header(top_k), rows)
    known = labels >= 0
    scored = scored_images.score(probabilities[known], labels[known], class_names)
    scored_images.write(scored_csv, paths[known].tolist(), scored)
    skipped_part = f", {len(skipped)} of them skipped" if skipped else ""
    unknown = novelty > decision.threshold
    uncertain = ~unknown & (probabilities.max(axis=1) < decision.min_probability)
    total = count(len(rows), "test file")
    no_class = part_of("unknown", unknown, known) + part_of("uncertain", uncertain, known)
    random = model.info.weights == head.RANDOM
    note = "; check for unknown images skipped" if random else ""
    line = f"predict: {total}{skipped_part}{no_class} -> {out.as_posix()}"
    print(f"{line}{note}{model.info.warning}")


def part_of(word: str, chosen: np.ndarray, labelled: np.ndarray) -> str:
    """Returns how many images are `word`, in words; `chosen` and `labelled` are bool (N,)."""
    if not chosen.any():
        return ""
    lost = int((chosen & labelled).sum())
    of_classes = f" ({lost} of the {labelled.sum()} whose class is known)" if lost else ""
    return f", {chosen.sum()} {word}{of_classes}"


if __name__ == "__main__":
    run_main(main)
