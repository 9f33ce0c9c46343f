"""Predict the classes of the test images and of the unlabelled images.

Reads   results/features_test, results/features_unlabelled, results/problems.csv,
        models/head
Writes  results/predictions.csv, results/predictions_unlabelled.csv, results/scored_test.csv
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np

from classifier import head
from classifier.common import files, params
from classifier.common.errors import count, run_main
from classifier.dataset import features, folders, problems
from classifier.dataset.features import FeatureTable
from classifier.dataset.problems import Problem
from classifier.evaluation import predictions, scored_images
from classifier.evaluation.predictions import Decision, Params
from classifier.evaluation.scored_images import ScoredImages
from classifier.head import Head

BLOCK = 4096  # images


@dataclass(frozen=True)
class Listed:
    """The k most probable classes of N images and their probabilities, in a temporary file."""

    file: IO[bytes]
    dtype: np.dtype
    n_images: int

    def __getitem__(self, images: np.ndarray) -> np.ndarray:
        """Returns some rows: `classes`, int32 (k,), and `probabilities`, float64 (k,)."""
        rows = np.memmap(self.file, self.dtype, "r", shape=(self.n_images,))
        return np.array(rows[images])


@dataclass(frozen=True)
class Predictions:
    """The predictions of N images, in the order of the table of features.

    Attributes:
        paths: bytes (N,), in UTF-8.
        labels: int (N,); -1 if unknown.
        predicted: int32 (N,), the most probable class.
        probability: float64 (N,), of it.
        true_class_probability: float64 (N,); without meaning where the class is unknown.
        true_class_rank: int32 (N,); likewise.
        novelty: float64 (N,).
        listed: the classes that are listed and their probabilities, on disk.
        skipped: files that are no usable images.
    """

    paths: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    true_class_probability: np.ndarray
    true_class_rank: np.ndarray
    novelty: np.ndarray
    listed: Listed
    skipped: list[Problem]

    @cached_property
    def order(self) -> np.ndarray:
        """Returns the images in path order, int (N,)."""
        return np.argsort(self.paths, kind="stable")


def predict(
    model: Head, table: FeatureTable, skipped: list[Problem], top_k: int, file: IO[bytes]
) -> Predictions:
    """Returns the predictions of the images of a table, averaged over their views.

    Args:
        model: the head.
        table: features.
        skipped: files that are no usable images.
        top_k: classes that are listed for an image.
        file: an empty file, open until the predictions are written.
    """
    views = table.view_rows(table.tta_views)
    size, labels = len(views), table.labels[views[:, 0]]
    pair = np.dtype([("classes", "<i4", (top_k,)), ("probabilities", "<f8", (top_k,))])
    columns: dict[str, np.ndarray] = {
        "predicted": np.empty(size, np.int32),
        "probability": np.empty(size),
        "true_class_probability": np.empty(size),
        "true_class_rank": np.empty(size, np.int32),
        "novelty": np.empty(size),
    }
    paths = [np.zeros(0, "S1")]
    for start in range(0, size, BLOCK):
        block = slice(start, start + BLOCK)
        probabilities, columns["novelty"][block] = model.predict(table, views[block])
        best = np.empty(len(probabilities), pair)
        best["classes"] = predictions.top_classes(probabilities, top_k)
        best["probabilities"] = np.take_along_axis(probabilities, best["classes"], axis=1)
        file.write(best.tobytes())
        columns["predicted"][block] = best["classes"][:, 0]
        columns["probability"][block] = best["probabilities"][:, 0]
        own = np.maximum(labels[block], 0)
        columns["true_class_probability"][block] = probabilities[np.arange(len(own)), own]
        columns["true_class_rank"][block] = scored_images.ranks(probabilities, own)
        paths.append(np.char.encode(table.paths[views[block, 0]], "utf-8"))
    file.flush()
    listed = Listed(file, pair, size)
    return Predictions(np.concatenate(paths), labels, **columns, listed=listed, skipped=skipped)


def skipped_files(problems_csv: Path, split: str) -> list[Problem]:
    """Returns the problems of the files of a split that are not usable images."""
    every = problems.iter_rows(problems_csv)
    return [one for one in every if one.action == "skipped" and one.split == split]


def rows(
    found: Predictions, class_names: tuple[str, ...], decision: Decision
) -> Iterator[list[object]]:
    """Yields the rows of the images, in path order."""
    order = found.order
    for start in range(0, len(order), BLOCK):
        images = order[start : start + BLOCK]
        best = found.listed[images]
        columns = best["classes"], best["probabilities"], found.novelty[images]
        values = zip(found.paths[images].tolist(), *(c.tolist() for c in columns), strict=True)
        for path, classes, probabilities, novelty in values:
            yield predictions.prediction_row(
                path.decode(), classes, probabilities, novelty, class_names, decision
            )


def scored(found: Predictions, class_names: tuple[str, ...]) -> tuple[np.ndarray, ScoredImages]:
    """Returns the images whose class is known, int (n,), in path order, and their scores."""
    order = found.order
    known = order[found.labels[order] >= 0]
    return known, ScoredImages(
        np.array(class_names, object),
        found.labels[known],
        found.predicted[known],
        found.probability[known],
        found.true_class_probability[known],
        found.true_class_rank[known],
    )


def main(
    test_folder: Path = features.TEST,
    unlabelled_folder: Path = features.UNLABELLED,
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
    sources = (test_folder, "test", out), (unlabelled_folder, folders.UNLABELLED, unlabelled_out)
    lines = []
    for npz, split, path in sources:
        skipped = skipped_files(problems_csv, split)
        with files.disk_errors(path), tempfile.TemporaryFile(dir=path.parent) as file:
            found = predict(model, features.read(npz), skipped, top_k, file)
            table = predictions.with_skipped(rows(found, class_names, decision), skipped, top_k)
            files.write_csv(path, predictions.header(top_k), table)
        if split == "test":
            known, scores = scored(found, class_names)
            names = (one.decode() for one in found.paths[known].tolist())
            scored_images.write(scored_csv, names, scores)
        total = len(found.paths) + len(skipped)
        what = count(total, "test file") if split == "test" else f"{total:,} unlabelled"
        if total or split == "test":
            lines.append(f"{what}{parts(found, decision)} -> {path.as_posix()}")
    random = model.info.weights == head.RANDOM
    note = "; check for unknown images skipped" if random else ""
    print(f"predict: {', '.join(lines)}{note}{model.info.warning}")


def parts(found: Predictions, decision: Decision) -> str:
    """Returns how many files have no class, in words."""
    skipped = f", {len(found.skipped)} of them skipped" if found.skipped else ""
    unknown, known = found.novelty > decision.threshold, found.labels >= 0
    uncertain = ~unknown & (found.probability < decision.min_probability)
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
