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

from stages import features, head, layout, outputs, params, split
from stages.errors import run
from stages.features import Table

if TYPE_CHECKING:
    import keras

HISTORY = Path("results/history.csv")
COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Params:
    """Section `train` of params.yaml."""

    units: int  # of the hidden layer; 0: none
    dropout: float  # share of the hidden layer dropped in training
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    learning_rate: float
    batch_size: int  # pictures in a step
    epochs: int  # at most
    patience: int  # epochs without a lower validation loss before it stops
    class_weight: Literal["none", "balanced"]  # balanced: rare classes count more
    validation_split: float  # share of each class, unless there is input/validation
    seed: int  # of the split, the first weights, the order and the dropout

    def __post_init__(self) -> None:
        between = "more than 0 and less than 1"
        for name, holds, rule in (
            ("units", self.units >= 0, "0 or more"),
            ("dropout", 0 <= self.dropout < 1, "0 or more and less than 1"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("batch_size", self.batch_size >= 1, "1 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("patience", self.patience >= 1, "1 or more"),
            ("validation_split", 0 < self.validation_split < 1, between),
            ("seed", 0 <= self.seed < 2**32, "0 to 4294967295"),
        ):
            params.require(holds, f"train.{name}", rule, getattr(self, name))


def folds(table: Table, settings: Params) -> list[str]:
    """Returns the fold of each picture: as the user's folders say, else by content hash."""
    own = (layout.INPUT / split.VALIDATION).as_posix() + "/"
    validates = [path.startswith(own) for path in table.paths.tolist()]
    if any(validates):
        return [split.VALIDATION if yes else split.TRAIN for yes in validates]
    hashes, labels = table.sha256.tolist(), table.labels.tolist()
    return split.assign(hashes, labels, settings.validation_split, settings.seed)


def class_weights(labels: np.ndarray, mode: str) -> dict[int, float] | None:
    """Returns how much a picture of each class counts; `balanced`: N / (C * pictures of it)."""
    if mode == "none":
        return None
    classes, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def network(dimensions: int, classes: int, settings: Params) -> "keras.Model":
    """Returns the untrained head: Dense(units, relu), Dropout, Dense(classes, softmax)."""
    from stages.backend import keras

    layers = [keras.Input((dimensions,), name="features")]
    if settings.units:
        layers.append(keras.layers.Dense(settings.units, activation="relu", name="hidden"))
    layers.append(keras.layers.Dropout(settings.dropout, name="dropout"))
    layers.append(keras.layers.Dense(classes, activation="softmax", name="probabilities"))
    return keras.Sequential(layers, name="head")


def fit(
    model: "keras.Model",
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    settings: Params,
) -> dict[str, list[float]]:
    """Trains the model in place and returns the curves; it ends with its best weights.

    Args:
        model: as `network` makes it.
        training: float32 (N, D) features, int32 (N,) labels.
        validation: likewise; its loss decides when to stop.
        settings: of the stage.
    """
    from stages.backend import keras

    optimizer = keras.optimizers.get(settings.optimizer)
    optimizer.learning_rate = settings.learning_rate
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        _dataset(*training, settings, shuffle=True),
        validation_data=_dataset(*validation, settings, shuffle=False),
        shuffle=False,  # the dataset does it
        epochs=settings.epochs,
        class_weight=class_weights(training[1], settings.class_weight),
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_loss", patience=settings.patience, restore_best_weights=True
            )
        ],
        verbose=0,
    )
    return {name: [float(value) for value in history.history[name]] for name in COLUMNS}


def _dataset(features: np.ndarray, labels: np.ndarray, settings: Params, shuffle: bool):  # type: ignore[no-untyped-def]
    """Returns the batches of an epoch; tf.data's autotuner would sleep up to seconds at its end."""
    from stages.backend import tf

    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices((features, labels))
    if shuffle:
        data = data.shuffle(len(labels), seed=settings.seed)
    return data.batch(settings.batch_size).with_options(options)


def statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation of each feature, float64 (D,); 1 for a constant one."""
    spread = features.std(axis=0, dtype=np.float64)
    return features.mean(axis=0, dtype=np.float64), np.where(spread == 0, 1, spread)


def with_scaling(model: "keras.Model", mean: np.ndarray, spread: np.ndarray) -> "keras.Model":
    """Returns the model, not compiled, with `(x - mean) / spread` part of its first kernel."""
    from stages.backend import keras

    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    first = next(layer for layer in plain.layers if layer.weights)
    kernel, bias = (weight.numpy().astype(np.float64) for weight in first.weights)
    kernel = kernel / spread[:, None]
    first.set_weights([kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32)])
    return plain


def in_content_order(table: Table, folds: Sequence[str], fold: str) -> np.ndarray:
    """Returns the indices of a fold's rows, int (n,), such that names and folders have no say."""
    order = np.lexsort((table.labels, table.views, table.sha256))
    return order[np.array([folds[row] == fold for row in order], bool)]


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
    from stages.backend import keras

    keras.utils.set_random_seed(settings.seed)
    names = tuple(table.class_names.tolist())
    model = network(table.features.shape[1], len(names), settings)
    rows = [in_content_order(table, sides, fold) for fold in (split.TRAIN, split.VALIDATION)]
    mean, spread = statistics(table.features[rows[0]])
    scaled = [((table.features[row] - mean) / spread).astype(np.float32) for row in rows]
    data = [(x, table.labels[row]) for x, row in zip(scaled, rows, strict=True)]
    history = fit(model, data[0], data[1], settings)
    about = head.About(names, str(table.weights), str(table.fingerprint))
    head.write(out, with_scaling(model, mean, spread), about)
    write_history(history_csv, history)
    split.write(split_csv, table.paths.tolist(), sides)
    best = int(np.argmin(history["val_loss"]))
    print(
        f"train: {len(rows[0])} pictures, {len(rows[1])} to validate, {len(history['loss'])} "
        f"epochs, best {best + 1}: val_accuracy {history['val_accuracy'][best]:.3f} "
        f"-> {out.as_posix()}, {time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    run(main)
