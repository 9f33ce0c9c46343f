"""Train the top layers on the features.

Reads   results/train.npz
Writes  models/head, results/history.csv, results/split.csv
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from stages import features, fitting, head, layout, outputs, params, split
from stages.errors import StageError, run
from stages.features import Table
from stages.fitting import HELD_OUT, LEARNING, Curves, Data, Plan

if TYPE_CHECKING:
    import keras

HISTORY = Path("results/history.csv")
COLUMNS = (*LEARNING, *HELD_OUT)


@dataclass(frozen=True)
class Params:
    """Section `train` of params.yaml."""

    units: int  # of the hidden layer; 0: none
    dropout: float  # share of the hidden layer dropped in training
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    learning_rate: float
    batch_size: int  # pictures in a step; 0: a twentieth of all, 32 to 256
    epochs: int  # at most
    patience: int  # epochs without a lower validation loss before it stops
    class_weight: Literal["none", "balanced"]  # balanced: rare classes count more
    validation_split: float  # share of each class, unless there is input/validation
    refit: bool  # train on the validation pictures too, once the number of epochs is known
    seed: int  # of the split, the first weights, the order and the dropout

    def __post_init__(self) -> None:
        between = "more than 0 and less than 1"
        for name, holds, rule in (
            ("units", self.units >= 0, "0 or more"),
            ("dropout", 0 <= self.dropout < 1, "0 or more and less than 1"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("batch_size", self.batch_size >= 0, "0 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("patience", self.patience >= 1, "1 or more"),
            ("validation_split", 0 < self.validation_split < 1, between),
            ("seed", 0 <= self.seed < 2**32, "0 to 4294967295"),
        ):
            params.require(holds, f"train.{name}", rule, getattr(self, name))


def folds(table: Table, settings: Params) -> list[str]:
    """Returns the fold of each picture: as the user's folders say, else by content hash.

    A copy of a picture of input/validation in input/train validates too, so none is on both sides.
    """
    own = (layout.INPUT / split.VALIDATION).as_posix() + "/"
    hashes, labels = table.sha256.tolist(), table.labels.tolist()
    pairs = zip(table.paths.tolist(), hashes, strict=True)
    if validate := {sha256 for path, sha256 in pairs if path.startswith(own)}:
        return [split.VALIDATION if sha256 in validate else split.TRAIN for sha256 in hashes]
    return split.assign(hashes, labels, settings.validation_split, settings.seed)


def class_weights(labels: np.ndarray, mode: str) -> dict[int, float] | None:
    """Returns how much a picture of each class counts; `balanced`: N / (C * pictures of it)."""
    if mode == "none":
        return None
    classes, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def network(dimensions: int, classes: int, settings: Params) -> "keras.Model":
    """Returns the untrained head: Dense(units, relu), Dropout, Dense(classes, softmax).

    Without units it is the last layer alone: logistic regression.
    """
    from stages.backend import keras

    layers = [keras.Input((dimensions,), name="features")]
    if settings.units:
        layers.append(keras.layers.Dense(settings.units, activation="relu", name="hidden"))
        layers.append(keras.layers.Dropout(settings.dropout, name="dropout"))
    layers.append(keras.layers.Dense(classes, activation="softmax", name="probabilities"))
    return keras.Sequential(layers, name="head")


def fit(
    model: "keras.Model",
    training: Data,
    settings: Params,
    epochs: int,
    validation: Data | None = None,
) -> Curves:
    """Trains the model in place, as fitting.fit does, and returns its curves.

    Raises:
        StageError: the learning rate is so high that the loss left the range of numbers.
    """
    plan = Plan(
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size or min(max(len(training[1]) // 20, 32), 256),
        epochs=epochs,
        patience=settings.patience,
        class_weights=class_weights(training[1], settings.class_weight),
        seed=settings.seed,
    )
    curves = fitting.fit(model, training, plan, validation)
    if not np.isfinite(curves["loss"]).all():
        raise StageError(
            f"params.yaml: train.learning_rate must let the loss fall, not grow without bounds; "
            f"got {settings.learning_rate!r}: lower it"
        )
    return curves


def train_twice(
    data: Data, validates: np.ndarray, classes: int, settings: Params
) -> tuple["keras.Model", "keras.Model", Curves]:
    """Returns the head to use, the head to score, and the curves of the second.

    The head to score never sees the validation pictures but for stopping at their lowest loss.
    With `refit` the head to use then trains as many epochs as that took, on all pictures, from
    the same first weights; without, the two are one.

    Args:
        data: float32 (N, D) features, int32 (N,) labels, of all pictures.
        validates: bool (N,), those of the validation fold.
        classes: number of outputs.
        settings: of the stage.
    """
    from stages.backend import keras

    def untrained() -> "keras.Model":
        keras.utils.set_random_seed(settings.seed)
        return network(data[0].shape[1], classes, settings)

    x, y = data
    scored = untrained()
    held_out = (x[validates], y[validates])
    history = fit(scored, (x[~validates], y[~validates]), settings, settings.epochs, held_out)
    if not settings.refit:
        return scored, scored, history
    used = untrained()
    fit(used, data, settings, best_epoch(history))
    return used, scored, history


def best_epoch(history: Mapping[str, Sequence[float]]) -> int:
    """Returns the epoch of the lowest validation loss, counted from 1; the first of equals."""
    return int(np.nanargmin(history["val_loss"])) + 1


def content_order(table: Table) -> np.ndarray:
    """Returns the rows' order, int (N,), in which names and folders have no say."""
    return np.lexsort((table.labels, table.views, table.sha256))


def write_history(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Writes the curves, an epoch a row, epochs counted from 1."""
    epochs = enumerate(zip(*(history[name] for name in COLUMNS), strict=True), start=1)
    rows = ([epoch, *(f"{value:.6f}" for value in values)] for epoch, values in epochs)
    outputs.write_csv(path, ("epoch", *COLUMNS), rows)


def main(
    train: Path = features.TRAIN,
    out: Path = head.FOLDER,
    history_csv: Path = HISTORY,
    split_csv: Path = split.PATH,
) -> None:
    """Trains the head as params.yaml says."""
    started = time.perf_counter()
    settings = params.load("train", Params)
    table = features.read(train)
    sides = folds(table, settings)
    order = content_order(table)
    validates = np.array(sides)[order] == split.VALIDATION
    names = tuple(table.class_names.tolist())
    data = (table.features[order], table.labels[order])
    used, scored, history = train_twice(data, validates, len(names), settings)
    about = head.About(names, str(table.weights), str(table.fingerprint))
    head.write(out, used, scored, about)
    write_history(history_csv, history)
    split.write(split_csv, table.paths.tolist(), sides)
    best = best_epoch(history)
    print(
        f"train: {len(sides)} pictures, {validates.sum()} to validate, {len(history['loss'])} "
        f"epochs, best {best}: val_accuracy {history['val_accuracy'][best - 1]:.3f} "
        f"-> {out.as_posix()}, {time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    run(main)
