"""Predicts each image that validates with a head that has not seen it."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifier import temperature
from classifier.common.disk_array import ComputedRows, DiskArray, Rows
from classifier.dataset import orders
from classifier.dataset.features import FeatureTable, rows_per_chunk
from classifier.dataset.lazy_array import Selected
from classifier.dataset.npz import StoredArray
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.discriminant import parts
from classifier.head import Branch, Head, softmax
from classifier.novelty import Novelty
from stages.train import blocks, novelty
from stages.train.learning_curve import LearningCurve
from stages.train.outcome import Outcome
from stages.train.plan import Plan


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of N images by heads that have not seen them.

    Attributes:
        probabilities: float64 (n, C), of the images that validate; on disk.
        places: int32 (N,), the row of each image in them; -1: none.
        novelty: float32 (N,); NaN: none.
    """

    probabilities: StoredArray
    places: np.ndarray
    novelty: np.ndarray


def predict(
    heads: Mapping[int, Head],
    plan: Plan,
    table: FeatureTable,
    rows: Rows,
    labels: Rows,
    folder: Path,
    pool: Executor,
) -> tuple[Novelty, OutOfFold]:
    """Returns the novelty score for new images, and the predictions of those that validate.

    Args:
        heads: by round; 0: the final one.
        plan: of N images.
        table: features.
        rows: int (N, V), of the views of each image.
        labels: int (N,).
        folder: for the probabilities.
        pool: threads; each computes on one core.
    """
    views = ComputedRows(rows, lambda some: some[:, :1])
    if table.tta_views.tolist() != [0]:
        every = table.view_rows(table.tta_views)
        views = ComputedRows(rows, lambda some: every[np.searchsorted(every[:, 0], some[:, 0])])
    fitted = novelty.fit(heads, plan, table, rows, labels, pool)

    def predict_part(part: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        number, images = part
        return images, predict_images(heads[number], fitted[number], table, views[images])

    places, done = np.full(len(rows), -1, np.int32), 0
    paths = folder / "probabilities", folder / "measures"
    validating = blocks.by_group(np.where(plan.rounds > 0, plan.rounds, -1))
    with paths[0].open("wb") as probabilities_file, paths[1].open("wb") as measures_file:
        for images, values in blocks.ordered_map(pool, predict_part, validating):
            places[images] = done + np.arange(len(images))
            probabilities_file.write(values[:, :-3].tobytes())
            measures_file.write(values[:, -3:].tobytes())
            done += len(images)
    widths = len(table.class_names), novelty.MEASURES
    probabilities, measures = (
        StoredArray(path, 0, np.dtype(float), (done, width))
        for path, width in zip(paths, widths, strict=True)
    )
    final, scores = novelty.calibrate(fitted[0], plan, measures, places)
    return final, OutOfFold(probabilities, places, scores)


def predict_images(
    head: Head, fitted: Novelty, table: FeatureTable, rows: np.ndarray
) -> np.ndarray:
    """Returns probabilities and measures of novelty, means over views, float64 (n, C + 3).

    Args:
        head: to predict with.
        fitted: its novelty score.
        table: features.
        rows: int (n, A), rows of the views.
    """
    size = max(1, rows_per_chunk(table.features.shape[1:], table.features.dtype) // rows.shape[1])
    means = []
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        vectors = head.vectors(table.features[chunk.ravel()])
        each = np.column_stack([head.from_vectors(vectors), fitted.measures(vectors)])
        means.append(each.reshape(*chunk.shape, -1).mean(axis=1))
    return np.concatenate(means)


def calibrate(
    outcome: Outcome, plan: Plan, predicted: OutOfFold, labels: Rows
) -> tuple[Outcome, OutOfFold]:
    """Returns the outcome and the predictions with logits scaled to the lowest log loss.

    Those of a round are scaled by a factor that fits the images of the other rounds.

    Args:
        outcome: of training.
        plan: of N images, each of which validates.
        predicted: out of fold.
        labels: int (N,).
    """

    def factor(trains: np.ndarray) -> float:
        images = np.flatnonzero(trains)
        images = images[:: -(-len(images) // temperature.SAMPLE)]
        logits = _logits(predicted.probabilities[predicted.places[images]])
        return temperature.fit(logits, labels[images], np.ones(len(images)))

    factors = np.zeros(len(predicted.probabilities))
    for number in outcome.rounds:
        own = predicted.places[plan.rounds == number]
        factors[own] = factor(plan.trains & (plan.rounds != number))
    path = predicted.probabilities.path.with_name("calibrated")
    with path.open("wb") as file:
        for part in parts(len(factors)):
            logits = _logits(predicted.probabilities[part])
            file.write(softmax(factors[part, None] * logits).tobytes())
    last = factor(plan.trains)
    branches = tuple(_scaled(branch, last) for branch in outcome.final.branches)
    calibrated = replace(predicted, probabilities=replace(predicted.probabilities, path=path))
    return replace(outcome, final=replace(outcome.final, branches=branches)), calibrated


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(probabilities, 1e-30)))


def _scaled(branch: Branch, factor: float) -> Branch:
    *below, (kernel, bias, activation) = branch.layers
    return replace(branch, layers=(*below, (kernel * factor, bias * factor, activation)))


def validated_images(
    table: FeatureTable,
    rows: Rows,
    labels: DiskArray,
    plan: Plan,
    predicted: OutOfFold,
    random_correct: np.ndarray,
    curve: LearningCurve,
    kept: DiskArray,
) -> ValidationPredictions:
    """Returns the predictions of the images that validate.

    Args:
        table: features.
        rows: int (N, V), of the views of each image.
        labels: int (N,).
        plan: of the images.
        predicted: out of fold.
        random_correct: bool (N,), or (0,) without groups.
        curve: from fewer images.
        kept: int (n,), the images that validate, in the order to write.
    """
    on_curve = np.zeros(len(rows), bool)
    on_curve[curve.predicted] = True
    images = kept[:]
    tried = orders.true_places(on_curve[images])
    own_rows, kind = ComputedRows(rows, lambda some: some[:, 0]), table.paths.dtype
    whole, single = np.dtype(np.int32), np.dtype(np.float32)
    return ValidationPredictions(
        paths=Selected(Selected(table.paths, own_rows, kind), kept, kind),
        labels=Selected(labels, kept, whole),
        class_names=table.class_names,
        probabilities=Selected(
            Selected(predicted.probabilities, predicted.places, single), kept, single
        ),
        folds=Selected(plan.numbered_folds, kept, whole),
        groups=Selected(plan.units, kept, whole),
        random_correct=random_correct[images] if len(random_correct) else random_correct,
        novelty=Selected(predicted.novelty, kept, single),
        curve_images=curve.images,
        curve_rows=tried,
        curve_correct=curve.correct[np.searchsorted(curve.predicted, images[tried])],
    )
