"""Train the top layers on the features.

Reads   results/features_train.npz, results/excluded.csv, results/near_duplicates.csv, models/base
Writes  models/head, results/history.csv, results/split.csv
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from classifier import head
from classifier.common import files, params
from classifier.common.errors import count
from classifier.dataset import excluded, features, near_duplicates, split
from classifier.dataset.features import FeatureTable
from classifier.inference import base
from stages.train import history
from stages.train.fine_tuning import TrainingSet, bottleneck_features
from stages.train.params import Params, require_maps, weights_by_index
from stages.train.training import best_epoch, train_and_refit
from stages.train.training_loop import Examples, History
from stages.train.training_split import content_order, split_images


def make_training_set(
    table: FeatureTable, views: np.ndarray, base_folder: Path, file: IO[bytes]
) -> TrainingSet:
    """Returns the images to train on and to validate with.

    Args:
        table: results/features_train.npz.
        views: int (N, V), rows of the views of each image.
        base_folder: models/base.
        file: an open file for the vectors computed from maps.
    """
    labels, n_classes = table.labels[views[:, 0]], len(table.class_names)
    if len(table.features.shape) == 2:
        return TrainingSet(Examples(table.features, labels, views), None, base_folder, n_classes)
    vectors = Examples(bottleneck_features(table.features, base_folder, file), labels, views)
    return TrainingSet(vectors, Examples(table.features, labels, views), base_folder, n_classes)


def summary_line(splits: np.ndarray, curves: History, fine_tuned: int, out: Path) -> str:
    """Returns the line the stage prints, without its time."""
    n_excluded, n_validation = (
        int(np.sum(splits == s)) for s in (split.EXCLUDED, split.VALIDATION)
    )
    best = best_epoch(curves)
    excluded_part = f" ({n_excluded} excluded)" if n_excluded else ""
    fine_tuned_part = f" ({fine_tuned} of them fine-tuning)" if fine_tuned else ""
    return (
        f"train: {count(len(splits) - n_excluded, 'image')}{excluded_part}, "
        f"{n_validation} of them for validation, "
        f"{count(len(curves['loss']), 'epoch')}{fine_tuned_part}, "
        f"best {best}: val_accuracy {curves['val_accuracy'][best - 1]:.3f} -> {out.as_posix()}"
    )


def main(
    train_npz: Path = features.TRAIN,
    excluded_csv: Path = excluded.PATH,
    near_duplicates_csv: Path = near_duplicates.PATH,
    base_folder: Path = base.FOLDER,
    out: Path = head.FOLDER,
    history_csv: Path = history.PATH,
    split_csv: Path = split.PATH,
) -> None:
    """Trains the head as params.yaml says."""
    started = time.perf_counter()
    settings = params.load("train", Params)
    table = features.read(train_npz)
    class_weight = weights_by_index(settings.class_weight, table.class_names.tolist())
    settings = replace(settings, class_weight=class_weight)
    require_maps(settings, "avg" if len(table.features.shape) == 2 else "none")
    views = table.view_rows(table.train_views)
    left_out, images = excluded.read(excluded_csv), views[:, 0]
    copies = near_duplicates.read(near_duplicates_csv)
    splits = split_images(table, images, left_out, settings.validation_split, settings.seed, copies)
    order = content_order(table, images, splits)
    out.parent.mkdir(parents=True, exist_ok=True)
    with files.disk_errors(out), tempfile.TemporaryFile(dir=out.parent) as file:
        dataset = make_training_set(table, views[order], base_folder, file)
        final, evaluation, histories = train_and_refit(
            dataset, splits[order] == split.VALIDATION, settings, history.LiveHistory(history_csv)
        )
        del dataset  # unmaps the file
    info = head.HeadInfo(
        class_names=tuple(table.class_names.tolist()),
        weights=str(table.weights),
        fingerprint=str(table.fingerprint),
        train_images=len(order),
        tta_views=tuple(table.tta_views.tolist()),
        augmentation_id=str(table.augmentation_id),
        grey_ranges=str(table.grey_ranges),
    )
    head.write(out, final, evaluation, info)
    curves = {name: histories[0][name] + histories[1].get(name, []) for name in history.COLUMNS}
    history.write(history_csv, curves)
    split.write(split_csv, table.paths[images].tolist(), splits.tolist())
    line = summary_line(splits, curves, len(histories[1].get("loss", [])), out)
    print(f"{line}, {time.perf_counter() - started:.1f} s")
