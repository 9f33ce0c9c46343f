"""Trains a Keras model on arrays in memory: an epoch is one call, without Python per batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

Data = tuple[np.ndarray, np.ndarray]
Curves = dict[str, list[float]]
LEARNING = ("loss", "accuracy")
HELD_OUT = ("val_loss", "val_accuracy")


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        optimizer: its name in Keras.
        learning_rate: of it.
        batch_size: pictures in a step.
        epochs: at most so many; exactly so many without validation.
        patience: epochs without a lower validation loss before it stops.
        class_weights: how much a picture of each class counts; None: all alike.
        seed: of the order in which pictures come.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    class_weights: Mapping[int, float] | None
    seed: int


def batches(
    labels: np.ndarray, plan: Plan, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of an epoch's batches in random order, and how much each row counts.

    All batches have one size, so that the last is filled up with rows that count 0. As in Keras's
    `fit`, a batch's loss is the sum of its weighted losses over the number of its pictures.

    Returns:
        int32 (steps, size) rows, float32 (steps, size) shares of the batch's loss.
    """
    count, size = len(labels), min(plan.batch_size, len(labels))
    steps = -(-count // size)
    rows = np.zeros(steps * size, np.int32)
    rows[:count] = rng.permutation(count)
    shares = np.zeros(steps * size, np.float32)
    shares[:count] = 1
    if plan.class_weights:
        shares *= np.array([plan.class_weights.get(k, 0) for k in labels[rows]], np.float32)
    sizes = np.full((steps, 1), size, np.float32)
    sizes[-1] = count - (steps - 1) * size
    return rows.reshape(steps, size), shares.reshape(steps, size) / sizes


def fit(model: "keras.Model", training: Data, plan: Plan, validation: Data | None = None) -> Curves:
    """Trains the model in place and returns its curves by name, a number per epoch.

    With validation, training stops once that loss has not fallen for `patience` epochs, and the
    weights of its lowest are put back. `loss` and `accuracy` are means over the epoch while the
    model learns, `val_loss` and `val_accuracy` those after it.

    Args:
        model: takes float32 (N, D), gives probabilities (N, C).
        training: float32 (N, D) features, int32 (N,) labels.
        plan: how.
        validation: likewise.
    """
    epoch = _learning(model, training, plan)
    score = _scoring(model, validation) if validation else None
    rng = np.random.default_rng(plan.seed)
    names = LEARNING + (HELD_OUT if validation else ())
    curves: Curves = {name: [] for name in names}
    lowest, waited, best = np.inf, 0, model.get_weights()
    for _ in range(plan.epochs):
        values = epoch(*batches(training[1], plan, rng))
        values += score() if score else ()
        for name, value in zip(names, values, strict=True):
            curves[name].append(value)
        if not score:
            continue
        if curves["val_loss"][-1] < lowest:
            lowest, waited, best = curves["val_loss"][-1], 0, model.get_weights()
        elif (waited := waited + 1) >= plan.patience:
            break
    if score:
        model.set_weights(best)
    return curves


Numbers = tuple[float, ...]  # loss and accuracy


def _learning(
    model: "keras.Model", training: Data, plan: Plan
) -> Callable[[np.ndarray, np.ndarray], Numbers]:
    """Returns what takes an epoch's batches, trains on them and returns loss and accuracy."""
    from stages.backend import keras, tf

    optimizer = keras.optimizers.get(plan.optimizer)
    optimizer.learning_rate = plan.learning_rate
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    optimizer.build(model.trainable_variables)
    x, y = map(tf.constant, training)

    @tf.function(reduce_retracing=True)
    def run(rows, shares):  # type: ignore[no-untyped-def]
        loss, right = tf.constant(0.0), tf.constant(0)
        for step in tf.range(tf.shape(rows)[0]):
            labels = tf.gather(y, rows[step])
            with tf.GradientTape() as tape:
                predicted = model(tf.gather(x, rows[step]), training=True)
                losses = keras.losses.sparse_categorical_crossentropy(labels, predicted)
                total = tf.reduce_sum(losses * shares[step])
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(total, variables), variables)
            counted = shares[step] > 0
            hit = (tf.argmax(predicted, 1, tf.int32) == labels) & counted
            loss += total * tf.reduce_sum(tf.cast(counted, tf.float32))
            right += tf.reduce_sum(tf.cast(hit, tf.int32))
        return loss, right

    def epoch(rows: np.ndarray, shares: np.ndarray) -> Numbers:
        loss, right = run(rows, shares)
        return float(loss) / len(training[1]), int(right) / len(training[1])

    return epoch


def _scoring(model: "keras.Model", validation: Data) -> Callable[[], Numbers]:
    """Returns what returns loss and accuracy of the model on the validation pictures."""
    from stages.backend import keras, tf

    x, y = map(tf.constant, validation)

    @tf.function
    def run():  # type: ignore[no-untyped-def]
        predicted = model(x, training=False)
        losses = keras.losses.sparse_categorical_crossentropy(y, predicted)
        hits = tf.cast(tf.argmax(predicted, 1, tf.int32) == y, tf.float32)
        return tf.reduce_mean(losses), tf.reduce_mean(hits)

    return lambda: tuple(map(float, run()))
