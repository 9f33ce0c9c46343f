"""Train the top layers on the features.

Reads   results/features_train, results/excluded.csv, results/near_duplicates.csv, models/base
Writes  models/head, results/history.csv, results/split.csv, results/validation_predictions.npz
"""

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from classifier import head
from classifier.backbone import openvino_convert, upper_blocks
from classifier.common import cores, files, heap, params
from classifier.common.disk_array import DiskArray, Rows
from classifier.common.errors import count
from classifier.common.scratch import Scratch
from classifier.dataset import (
    excluded,
    features,
    near_duplicates,
    orders,
    split,
    validation_predictions,
)
from classifier.dataset.features import FeatureTable
from classifier.head import HeadInfo, TrainedLayers
from classifier.inference import base
from stages.train import history, learning_curve, linear, out_of_fold, training
from stages.train.fine_tuning import TrainingSet, bottleneck_features
from stages.train.learning_curve import LearningCurve
from stages.train.outcome import Outcome, make_heads
from stages.train.params import Params, require_maps, weights_by_index
from stages.train.plan import Plan, content_order, make_plan
from stages.train.training_loop import Examples


def train_dense(
    table: FeatureTable,
    views: np.ndarray,
    labels: np.ndarray,
    base_folder: Path,
    plan: Plan,
    settings: Params,
    history_csv: Path,
    scratch: Scratch,
) -> Outcome:
    """Returns a dense head, whose history is written.

    Args:
        table: results/features_train.
        views: int (N, V), rows of the views of each image.
        labels: int (N,).
        base_folder: models/base.
        plan: of N images.
        settings: section `train`.
        history_csv: results/history.csv.
        scratch: for the vectors computed from maps.
    """
    examples, maps = Examples(table.features, labels, views), None
    if len(table.features.shape) > 2:
        vectors = bottleneck_features(table.features, base_folder, scratch.file())
        examples, maps = replace(examples, features=vectors), examples
    dataset = TrainingSet(examples, maps, base_folder, len(table.class_names))
    outcome = training.train(dataset, plan, settings, history.LiveHistory(history_csv))
    history.write(history_csv, outcome.history)
    return outcome


@contextmanager
def reproducible_threads() -> Iterator[ThreadPoolExecutor]:
    """Yields threads that compute on one core each: with more, the last bits would depend on it."""
    with cores.one_blas_thread(), ThreadPoolExecutor(cores.count()) as pool:
        yield pool


def train_linear(
    table: FeatureTable,
    rows: Rows,
    labels: Rows,
    base_folder: Path,
    plan: Plan,
    settings: Params,
    scratch: Scratch,
) -> tuple[Outcome, np.ndarray, LearningCurve]:
    """Returns a linear head, which images are right with folds without groups, and its curve.

    Args:
        table: results/features_train.
        rows: int (N, V), of the views of each image.
        labels: int (N,).
        base_folder: models/base.
        plan: of N images.
        settings: section `train`.
        scratch: for the vectors computed from maps.
    """
    sets, features, network = linear.layer_sets(table, settings.layers), table.features, None
    if len(features.shape) > 2:
        network = openvino_convert.convert(upper_blocks.read(base_folder), "float16")
        features = bottleneck_features(features, base_folder, scratch.file())
    images, n_classes = (features, rows, labels), len(table.class_names)
    with reproducible_threads() as pool:
        trained = linear.train_and_validate(*images, plan, settings, sets, n_classes, pool)
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


def write_split(
    path: Path, plan: Plan, table: FeatureTable, views: np.ndarray, scratch: Scratch
) -> DiskArray:
    """Writes results/split.csv, and returns the images that validate by path, int (n,)."""
    by_path = orders.path_order(table.paths, views[:, 0])
    split.write(path, plan.split_rows(by_path, table.paths, views[:, 0]))
    return scratch.keep(by_path[plan.rounds[by_path] > 0])


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


def summary_line(plan: Plan, outcome: Outcome, accuracy: float, unused: int, out: Path) -> str:
    """Returns the line the stage prints, without its time.

    Args:
        plan: of the images.
        outcome: of training.
        accuracy: on the images that validate.
        unused: number of images that `train.most` leaves out.
        out: models/head.
    """
    n_excluded, n_images = int(plan.excluded.sum()), len(plan.trains)
    left_out = [f"{n_excluded} excluded"] if n_excluded else []
    left_out += [f"{unused:,} left out by train.most"] if unused else []
    excluded_part = f" ({', '.join(left_out)})" if left_out else ""
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
    train_folder: Path = features.TRAIN,
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
    heap.share()
    heap.return_above(heap.SMALL)
    settings = params.load("train", Params)
    table = features.read(train_folder)
    class_weight = weights_by_index(settings.class_weight, table.class_names.tolist())
    settings = replace(settings, class_weight=class_weight)
    require_maps(settings, "avg" if len(table.features.shape) == 2 else "none")
    rows = table.view_rows(table.train_views)
    rows = rows[content_order(table, rows[:, 0])]
    n_images, copies = len(rows), near_duplicates.read(near_duplicates_csv)
    plan = make_plan(table, rows[:, 0], excluded.read(excluded_csv), copies, settings)
    rows = rows[plan.images]
    info = head_info(table, plan)
    out.parent.mkdir(parents=True, exist_ok=True)
    history.write(history_csv, {name: [] for name in history.COLUMNS})
    prefix = f"{out.name}.{os.getpid()}."  # removed by the next run if this one is killed
    with (
        files.disk_errors(out),
        Scratch(out.parent) as scratch,
        tempfile.TemporaryDirectory(".part", prefix, out.parent) as folder,
    ):
        plan = replace(plan, units=scratch.keep(plan.units))
        images, labels = scratch.keep(rows), scratch.array((), np.int32)
        for block in orders.blocks(len(rows)):
            labels.append(table.labels[rows[block, 0]])
        del rows
        heap.return_above(heap.LARGE)
        random_correct, curve = np.zeros(0, bool), learning_curve.NONE
        if settings.dense:
            outcome = train_dense(
                table, images[:], labels[:], base_folder, plan, settings, history_csv, scratch
            )
        else:
            outcome, random_correct, curve = train_linear(
                table, images, labels, base_folder, plan, settings, scratch
            )
        heap.return_above(heap.SMALL)
        heap.trim()
        kept = write_split(split_csv, plan, table, images[:], scratch)
        heap.return_above(heap.LARGE)
        heads = make_heads(outcome, info, Path(folder))
        with reproducible_threads() as pool:
            final, predicted = out_of_fold.predict(
                heads, plan, table, images, labels, Path(folder), pool
            )
        outcome = replace(outcome, final=replace(outcome.final, novelty=final))
        if settings.dense and plan.cross_validated:
            outcome, predicted = out_of_fold.calibrate(outcome, plan, predicted, labels)
        validated = out_of_fold.validated_images(
            table, images, labels, plan, predicted, random_correct, curve, kept
        )
        validation_predictions.write(predictions_npz, validated)
        accuracy = validated.accuracy
    info = replace(info, head=outcome.kind, layers=outcome.layers, strength=outcome.strength)
    head.write(out, outcome.final, info)
    line = summary_line(plan, outcome, accuracy, n_images - len(images), out)
    print(f"{line}, {time.perf_counter() - started:.1f} s")
