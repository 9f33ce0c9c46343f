"""Train the top layers on the features.

Reads   results/features_train.npz, results/excluded.csv, models/base
Writes  models/head, results/history.csv, results/split.csv
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from classifier import head
from classifier.common import files, params
from classifier.common.errors import StageError
from classifier.dataset import excluded, features, folders, split
from classifier.dataset.features import FeatureTable
from classifier.head import TrainedLayers
from classifier.inference import base
from stages.train.fine_tuning import TrainingSet, bottleneck_features, train_two_phases
from stages.train.training_loop import HELD_OUT, LEARNING, Examples, History, TrainingConfig

if TYPE_CHECKING:
    import keras

HISTORY = Path("results/history.csv")
COLUMNS = (*LEARNING, *HELD_OUT)


@dataclass(frozen=True)
class Params:
    """Section `train` of params.yaml."""

    hidden_units: int  # of the hidden layer; 0: none
    dropout: float  # share of the hidden layer dropped in training
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    learning_rate: float
    batch_size: int  # images in a step; 0: a twentieth of all, 32 to 256
    epochs: int  # at most
    patience: int  # epochs without a lower validation loss before it stops
    class_weight: Literal["none", "balanced"]  # balanced: rare classes count more
    validation_split: float  # share of each class, unless there is input/validation
    refit: bool  # train on the validation images too, once the number of epochs is known
    seed: int  # of the split, the first weights, the order and the dropout
    fine_tune_epochs: int  # at most so many more, in which the blocks behind the cut learn too
    fine_tune_optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    fine_tune_learning_rate: float
    fine_tune_momentum: float  # of sgd
    fine_tune_batch_size: int  # images in a step
    fine_tune_patience: int  # epochs without a lower validation loss before it stops

    def __post_init__(self) -> None:
        between = "more than 0 and less than 1"
        for name, holds, rule in (
            ("hidden_units", self.hidden_units >= 0, "0 or more"),
            ("dropout", 0 <= self.dropout < 1, "0 or more and less than 1"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("batch_size", self.batch_size >= 0, "0 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("patience", self.patience >= 1, "1 or more"),
            ("validation_split", 0 < self.validation_split < 1, between),
            ("seed", 0 <= self.seed < 2**32, "0 to 4294967295"),
            ("fine_tune_epochs", self.fine_tune_epochs >= 0, "0 or more"),
            ("fine_tune_learning_rate", self.fine_tune_learning_rate > 0, "more than 0"),
            ("fine_tune_momentum", 0 <= self.fine_tune_momentum < 1, "0 or more and less than 1"),
            ("fine_tune_batch_size", self.fine_tune_batch_size >= 1, "1 or more"),
            ("fine_tune_patience", self.fine_tune_patience >= 1, "1 or more"),
        ):
            params.require(holds, f"train.{name}", rule, getattr(self, name))


def folds(table: FeatureTable, rows: np.ndarray, settings: Params) -> list[str]:
    """Returns the fold of each image: as the user's folders say, else by content hash.

    A copy of an image of input/validation in input/train validates too, so none is on both sides.

    Args:
        table: the features.
        rows: int (N,), one of each image.
        settings: of the stage.
    """
    own = (folders.INPUT / split.VALIDATION).as_posix() + "/"
    hashes, labels = table.sha256[rows].tolist(), table.labels[rows].tolist()
    pairs = zip(table.paths[rows].tolist(), hashes, strict=True)
    if validate := {sha256 for path, sha256 in pairs if path.startswith(own)}:
        return [split.VALIDATION if sha256 in validate else split.TRAIN for sha256 in hashes]
    return split.assign(hashes, labels, settings.validation_split, settings.seed)


def require_examples(table: FeatureTable, rows: np.ndarray, sides: Sequence[str]) -> None:
    """Raises a StageError if a class has no image to learn from.

    So it is where all of its images are also in input/validation, or left out.
    """
    learned = np.array(sides) == split.TRAIN
    there = set(table.labels[rows][learned].tolist())
    if lacking := [name for k, name in enumerate(table.class_names) if k not in there]:
        raise StageError(
            *(
                f"{(folders.INPUT / 'train' / name).as_posix()}: needs images that are not in "
                "input/validation too; got none: add some, or remove their copies there"
                for name in lacking
            )
        )


def class_weights(labels: np.ndarray, mode: str) -> dict[int, float] | None:
    """Returns how much an image of each class counts; `balanced`: N / (C * images of it)."""
    if mode == "none":
        return None
    classes, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def network(dimensions: int, classes: int, settings: Params) -> "keras.Model":
    """Returns the untrained head: Dense(units, relu), Dropout, Dense(classes, softmax).

    Without units it is the last layer alone: logistic regression.
    """
    from classifier.inference.keras_backend import keras

    layers = [keras.Input((dimensions,), name="features")]
    if settings.hidden_units:
        layers.append(keras.layers.Dense(settings.hidden_units, activation="relu", name="hidden"))
        layers.append(keras.layers.Dropout(settings.dropout, name="dropout"))
    layers.append(keras.layers.Dense(classes, activation="softmax", name="probabilities"))
    return keras.Sequential(layers, name="head")


def first_plan(settings: Params, labels: np.ndarray) -> TrainingConfig:
    """Returns how the head learns while all before it is frozen."""
    return TrainingConfig(
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size or min(max(len(labels) // 20, 32), 256),
        epochs=settings.epochs,
        patience=settings.patience,
        class_weights=class_weights(labels, settings.class_weight),
        seed=settings.seed,
    )


def second_plan(settings: Params, labels: np.ndarray) -> TrainingConfig:
    """Returns how the head and the blocks between it and the cut learn on."""
    return TrainingConfig(
        optimizer=settings.fine_tune_optimizer,
        learning_rate=settings.fine_tune_learning_rate,
        batch_size=settings.fine_tune_batch_size,
        epochs=settings.fine_tune_epochs,
        patience=settings.fine_tune_patience,
        class_weights=class_weights(labels, settings.class_weight),
        seed=settings.seed,
        momentum=settings.fine_tune_momentum if settings.fine_tune_optimizer == "sgd" else 0.0,
        title="fine-tune",
    )


def train_once(
    lesson: TrainingSet,
    settings: Params,
    epochs: tuple[int, int],
    validation: TrainingSet | None = None,
    tell: Callable[[History], None] | None = None,
) -> tuple[TrainedLayers, tuple[History, History]]:
    """Returns a head trained from its first weights, and the curves of both phases.

    Raises:
        StageError: a learning rate is so high that the loss left the range of numbers.
    """
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(settings.seed)
    labels, vectors = lesson.vectors.labels, lesson.vectors.features
    plans = first_plan(settings, labels), second_plan(settings, labels)
    plans = replace(plans[0], epochs=epochs[0]), replace(plans[1], epochs=epochs[1])
    untrained = network(vectors.shape[1], lesson.classes, settings)
    trained, curves = train_two_phases(lesson, untrained, plans, validation, tell)
    for name, found in zip(("learning_rate", "fine_tune_learning_rate"), curves, strict=True):
        if not np.isfinite(found.get("loss", [])).all():
            raise StageError(
                f"params.yaml: train.{name} must let the loss fall, not grow without bounds; "
                f"got {getattr(settings, name)!r}: lower it"
            )
    return trained, curves


def train_twice(
    lesson: TrainingSet,
    validates: np.ndarray,
    settings: Params,
    tell: Callable[[History], None] | None = None,
) -> tuple[TrainedLayers, TrainedLayers, tuple[History, History]]:
    """Returns what to use, what to score, and the curves of the second.

    What is scored never sees the validation images but for stopping at their lowest loss.
    With `refit` what is used then trains as many epochs as that took, on all images, from
    the same first weights; without, the two are one.

    Args:
        lesson: all images.
        validates: bool (N,), those of the validation fold.
        settings: of the stage.
        tell: is called with the curves of what is scored, so far, after each epoch.
    """
    epochs = settings.epochs, settings.fine_tune_epochs
    training, held_out = lesson.only(~validates), lesson.only(validates)
    scored, (first, second) = train_once(training, settings, epochs, held_out, tell)
    if not settings.refit:
        return scored, scored, (first, second)
    better = second and min(second["val_loss"], default=np.inf) < min(first["val_loss"])
    best = best_epoch(first), best_epoch(second) if better else 0
    used, _ = train_once(lesson, settings, best)
    return used, scored, (first, second)


def best_epoch(history: Mapping[str, Sequence[float]]) -> int:
    """Returns the epoch of the lowest validation loss, counted from 1; the first of equals."""
    return int(np.nanargmin(history["val_loss"])) + 1


def content_order(table: FeatureTable, rows: np.ndarray) -> np.ndarray:
    """Returns the images' order, int (N,), in which names and folders have no say."""
    return np.lexsort((table.labels[rows], table.sha256[rows]))


class Live:
    """Keeps a file of the curves up to date while they grow, about once a second.

    Args:
        path: results/history.csv.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._next = path, 0.0

    def __call__(self, curves: History) -> None:
        """Writes the curves so far, unless that was done just before."""
        if time.monotonic() >= self._next:
            write_history(self._path, curves)
            self._next = time.monotonic() + 1


def write_history(path: Path, curves: History) -> None:
    """Writes the curves, an epoch a row, epochs counted from 1."""
    epochs = enumerate(zip(*(curves[name] for name in COLUMNS), strict=True), start=1)
    rows = ([epoch, *(f"{value:.6f}" for value in values)] for epoch, values in epochs)
    files.write_csv(path, ("epoch", *COLUMNS), rows)


def write_split(path: Path, paths: Sequence[str], kept: np.ndarray, sides: Sequence[str]) -> None:
    """Writes the fold of every image.

    Args:
        path: of the file.
        paths: of N images.
        kept: bool (N,), those that are not left out.
        sides: the folds of these.
    """
    folds = np.full(len(paths), split.EXCLUDED, object)
    folds[kept] = sides
    split.write(path, paths, folds.tolist())


def main(
    train: Path = features.TRAIN,
    left_out_csv: Path = excluded.PATH,
    base_folder: Path = base.FOLDER,
    out: Path = head.FOLDER,
    history_csv: Path = HISTORY,
    split_csv: Path = split.PATH,
) -> None:
    """Trains the head as params.yaml says."""
    started = time.perf_counter()
    settings = params.load("train", Params)
    table = features.read(train)
    maps = table.features if table.features.ndim > 2 else None
    if settings.fine_tune_epochs and maps is None:
        raise StageError(
            "params.yaml: train.fine_tune_epochs must be 0 where freeze.pooling is avg; got "
            f"{settings.fine_tune_epochs}: set it to 0, or freeze.pooling to none"
        )
    everything, dropped = table.view_rows(table.train_views), excluded.read(left_out_csv)
    paths = table.paths[everything[:, 0]]
    kept = np.array([path not in dropped for path in paths.tolist()])
    images = everything[kept]
    sides = folds(table, images[:, 0], settings)
    require_examples(table, images[:, 0], sides)
    order = content_order(table, images[:, 0])
    validates = np.array(sides)[order] == split.VALIDATION
    labels, rows = table.labels[images[order, 0]], images[order]
    names = tuple(table.class_names.tolist())
    out.parent.mkdir(parents=True, exist_ok=True)
    with files.disk_errors(out), tempfile.TemporaryFile(dir=out.parent) as file:
        vectors = table.features if maps is None else bottleneck_features(maps, base_folder, file)
        lesson = TrainingSet(
            Examples(vectors, labels, rows),
            None if maps is None else Examples(maps, labels, rows),
            base_folder,
            len(names),
        )
        used, scored, curves = train_twice(lesson, validates, settings, Live(history_csv))
        del vectors, lesson
    info = head.HeadInfo(
        class_names=names,
        weights=str(table.weights),
        fingerprint=str(table.fingerprint),
        train_images=len(sides),
        tta_views=tuple(table.tta_views.tolist()),
        augmentation_id=str(table.augmentation_id),
    )
    head.write(out, used, scored, info)
    history = {name: curves[0][name] + curves[1].get(name, []) for name in COLUMNS}
    write_history(history_csv, history)
    write_split(split_csv, paths.tolist(), kept, sides)
    best, tuned = best_epoch(history), len(curves[1].get("loss", []))
    of_them = f" ({tuned} of them fine-tuning)" if tuned else ""
    without = f" ({len(dropped)} left out)" if dropped else ""
    print(
        f"train: {len(sides)} images{without}, {validates.sum()} to validate, "
        f"{len(history['loss'])} epochs{of_them}, best {best}: "
        f"val_accuracy {history['val_accuracy'][best - 1]:.3f} -> {out.as_posix()}, "
        f"{time.perf_counter() - started:.1f} s"
    )
