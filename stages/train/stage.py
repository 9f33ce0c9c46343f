"""Train the top layers on the features.

Reads   results/features_train, results/excluded.csv, results/near_duplicates.csv, models/base
Writes  models/head, results/history.csv, results/split.csv, results/validation_predictions.npz
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from classifier import head
from classifier.backbone import openvino_convert, upper_blocks
from classifier.common import cores, files, params
from classifier.common.errors import count
from classifier.dataset import excluded, features, near_duplicates, split, validation_predictions
from classifier.dataset.features import FeatureTable
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.head import HeadInfo, TrainedLayers
from classifier.inference import base
from stages.train import history, learning_curve, linear, novelty, training
from stages.train.fine_tuning import TrainingSet, bottleneck_features
from stages.train.learning_curve import LearningCurve
from stages.train.linear import LayerSet
from stages.train.outcome import Outcome, calibrate_rounds, make_heads, predict_rounds
from stages.train.params import Params, require_maps, weights_by_index
from stages.train.plan import Plan, content_order, make_plan
from stages.train.training_loop import Examples


def make_training_set(
    table: FeatureTable, views: np.ndarray, base_folder: Path, file: IO[bytes]
) -> TrainingSet:
    """Returns the images to train on and to validate with.

    Args:
        table: results/features_train.
        views: int (N, V), rows of the views of each image.
        base_folder: models/base.
        file: an open file for the vectors computed from maps.
    """
    labels, n_classes = table.labels[views[:, 0]], len(table.class_names)
    if len(table.features.shape) == 2:
        return TrainingSet(Examples(table.features, labels, views), None, base_folder, n_classes)
    vectors = Examples(bottleneck_features(table.features, base_folder, file), labels, views)
    return TrainingSet(vectors, Examples(table.features, labels, views), base_folder, n_classes)


@contextmanager
def reproducible_threads() -> Iterator[ThreadPoolExecutor]:
    """Yields threads that compute on one core each: with more, the last bits would depend on it."""
    import scipy.linalg  # noqa: F401  its BLAS must be loaded to be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(cores.count()) as pool:
        yield pool


def train_linear(
    dataset: TrainingSet, plan: Plan, settings: Params, layer_sets: Sequence[LayerSet]
) -> tuple[Outcome, np.ndarray, LearningCurve]:
    """Returns a linear head, which images are right with folds without groups, and its curve."""
    upper = upper_blocks.read(dataset.base_folder) if dataset.maps else None
    network = openvino_convert.convert(upper, "float16") if upper else None
    with reproducible_threads() as pool:
        trained = linear.train_and_validate(
            dataset.vectors, plan, settings, layer_sets, dataset.n_classes, pool
        )
    heads = trained.parts
    names = {name for one in heads for name in one.layer_set[0]}
    outcome = Outcome(
        final=TrainedLayers((trained.final,), network),
        rounds={n: TrainedLayers((one,), network) for n, one in trained.rounds.items()},
        kind=heads[0].model if len(heads) == 1 else "mean",
        layers=base.in_network_order(names),
        strength=tuple(one.strength for one in heads),
    )
    return outcome, trained.random_correct, trained.curve


def head_info(table: FeatureTable, plan: Plan) -> HeadInfo:
    """Returns what a head is trained on."""
    return HeadInfo(
        class_names=tuple(table.class_names.tolist()),
        weights=str(table.weights),
        fingerprint=str(table.fingerprint),
        train_images=int(plan.trains.sum()),
        tta_views=tuple(table.tta_views.tolist()),
        augmentation_id=str(table.augmentation_id),
        grey_ranges=str(table.grey_ranges),
    )


def validated_images(
    table: FeatureTable,
    rows: np.ndarray,
    plan: Plan,
    probabilities: np.ndarray,
    random_correct: np.ndarray,
    scores: np.ndarray,
    curve: LearningCurve,
    kept: np.ndarray,
) -> ValidationPredictions:
    """Returns the predictions of the images that validate.

    Args:
        table: features.
        rows: int (N,), the row of each image.
        plan: of the images.
        probabilities: float (N, C).
        random_correct: bool (N,), or (0,) without groups.
        scores: float (N,), novelty.
        curve: from fewer images.
        kept: int (n,), the images that validate, in the order to write.
    """
    return ValidationPredictions(
        paths=table.paths[rows[kept]],
        labels=table.labels[rows[kept]],
        class_names=table.class_names,
        probabilities=probabilities[kept].astype(np.float32),
        folds=plan.numbered_folds[kept].astype(np.int32),
        groups=plan.units[kept].astype(np.int32),
        random_correct=random_correct[kept] if len(random_correct) else random_correct,
        novelty=scores[kept].astype(np.float32),
        curve_images=curve.images,
        curve_correct=curve.correct[kept] if len(curve.correct) else curve.correct,
    )


def summary_line(plan: Plan, outcome: Outcome, accuracy: float, out: Path) -> str:
    """Returns the line the stage prints, without its time."""
    n_excluded, n_images = int((plan.splits == split.EXCLUDED).sum()), len(plan.trains)
    excluded_part = f" ({n_excluded} excluded)" if n_excluded else ""
    epochs = len(outcome.history.get("loss", []))
    fine_tuned = f" ({outcome.fine_tuned} of them fine-tuning)" if outcome.fine_tuned else ""
    how = f", {count(epochs, 'epoch')}{fine_tuned}" if epochs else ""
    layers = f" on {' and '.join(outcome.layers)}" if outcome.layers else ""
    strength = f", strength {' and '.join(f'{value:g}' for value in outcome.strength)}"
    how = f"{layers}{strength}" if outcome.strength else how
    validated = int((plan.rounds > 0).sum())
    scored = f"{len(outcome.rounds)}-fold" if plan.cross_validated else f"{validated} held out,"
    return (
        f"train: {count(n_images - n_excluded, 'image')}{excluded_part}, {outcome.kind}"
        f"{how}; {scored} validation accuracy {accuracy:.3f} -> {out.as_posix()}"
    )


def main(
    train_npz: Path = features.TRAIN,
    excluded_csv: Path = excluded.PATH,
    near_duplicates_csv: Path = near_duplicates.PATH,
    base_folder: Path = base.FOLDER,
    out: Path = head.FOLDER,
    history_csv: Path = history.PATH,
    split_csv: Path = split.PATH,
    predictions_npz: Path = validation_predictions.PATH,
) -> None:
    """Trains the head as params.yaml says."""
    started = time.perf_counter()
    settings = params.load("train", Params)
    table = features.read(train_npz)
    class_weight = weights_by_index(settings.class_weight, table.class_names.tolist())
    settings = replace(settings, class_weight=class_weight)
    require_maps(settings, "avg" if len(table.features.shape) == 2 else "none")
    rows = table.view_rows(table.train_views)
    rows = rows[content_order(table, rows[:, 0])]
    copies = near_duplicates.read(near_duplicates_csv)
    plan = make_plan(table, rows[:, 0], excluded.read(excluded_csv), copies, settings)
    info = head_info(table, plan)
    out.parent.mkdir(parents=True, exist_ok=True)
    history.write(history_csv, {name: [] for name in history.COLUMNS})
    with files.disk_errors(out), tempfile.TemporaryFile(dir=out.parent) as file:
        dataset = make_training_set(table, rows, base_folder, file)
        if settings.dense:
            outcome = training.train(dataset, plan, settings, history.LiveHistory(history_csv))
            random_correct, curve = np.zeros(0, bool), learning_curve.NONE
        else:
            sets = linear.layer_sets(table, settings.layers)
            outcome, random_correct, curve = train_linear(dataset, plan, settings, sets)
        del dataset  # unmaps the file
    views = table.view_rows(table.tta_views)
    views = views[np.searchsorted(views[:, 0], rows[:, 0])]
    with files.disk_errors(out), tempfile.TemporaryDirectory(dir=out.parent) as folder:
        heads = make_heads(outcome, info, Path(folder))
        probabilities = predict_rounds(heads, plan, table, views)
        refitted = plan.cross_validated or settings.refit
        final_images = plan.trains & (refitted | (plan.rounds == 0))
        with reproducible_threads() as pool:
            fitted, scores = novelty.fit(heads, plan, table, views, final_images, pool)
    if settings.dense and plan.cross_validated:
        labels = table.labels[rows[:, 0]]
        outcome, probabilities = calibrate_rounds(outcome, plan, probabilities, labels)
    info = replace(info, head=outcome.kind, layers=outcome.layers, strength=outcome.strength)
    head.write(out, replace(outcome.final, novelty=fitted), info)
    if outcome.history:
        history.write(history_csv, outcome.history)
    paths = table.paths[rows[:, 0]]
    by_path = np.argsort(paths)
    cells = (str(fold or "") for fold in plan.numbered_folds[by_path].tolist())
    split.write(split_csv, paths[by_path].tolist(), plan.splits[by_path].tolist(), cells)
    kept = by_path[plan.rounds[by_path] > 0]
    validated = validated_images(
        table, rows[:, 0], plan, probabilities, random_correct, scores, curve, kept
    )
    validation_predictions.write(predictions_npz, validated)
    line = summary_line(plan, outcome, validated.accuracy, out)
    print(f"{line}, {time.perf_counter() - started:.1f} s")
