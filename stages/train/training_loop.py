"""Trains a Keras model: many batches in one call, without Python per batch, from memory or disk."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.common import progress
from classifier.dataset.features import Array

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]
LEARNING = ("loss", "accuracy")
HELD_OUT = ("val_loss", "val_accuracy")
CHUNK = 32_000_000  # bytes of features handed over in one call


@dataclass(frozen=True)
class Examples:
    """N images and their views.

    Attributes:
        features: float (R, *shape), in memory or on disk.
        labels: int32 (N,).
        views: int (N, V), rows of `features`; the first is of the image itself.
    """

    features: Array
    labels: np.ndarray
    views: np.ndarray

    @classmethod
    def of(cls, features: Array, labels: np.ndarray) -> "Examples":
        """Returns images without further views: row n of the features is image n's."""
        return cls(features, labels, np.arange(len(labels))[:, None])

    def only(self, images: np.ndarray) -> "Examples":
        """Returns some of the images."""
        return Examples(self.features, self.labels[images], self.views[images])


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        optimizer: its name in Keras.
        learning_rate: of it.
        batch_size: images in a step.
        epochs: at most so many; exactly so many without validation.
        patience: epochs without a lower validation loss before it stops.
        class_weights: how much an image of each class counts; None: all alike.
        seed: of the order in which images come, and of which view of each.
        momentum: of sgd.
        title: of the progress bar.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    class_weights: Mapping[int, float] | None
    seed: int
    momentum: float = 0.0
    title: str = "train"


def batches(
    labels: np.ndarray, plan: TrainingConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images of an epoch's batches in random order, and how much each counts.

    All batches have one size, so that the last is filled up with images that count 0. As in
    Keras's `fit`, a batch's loss is the sum of its weighted losses over the number of its images.

    Returns:
        int32 (steps, size) images, float32 (steps, size) shares of the batch's loss.
    """
    count, size = len(labels), min(plan.batch_size, len(labels))
    steps = -(-count // size)
    images = np.zeros(steps * size, np.int32)
    images[:count] = rng.permutation(count)
    shares = np.zeros(steps * size, np.float32)
    shares[:count] = 1
    if plan.class_weights:
        shares *= np.array([plan.class_weights.get(k, 0) for k in labels[images]], np.float32)
    sizes = np.full((steps, 1), size, np.float32)
    sizes[-1] = count - (steps - 1) * size
    return images.reshape(steps, size), shares.reshape(steps, size) / sizes


def fit(
    model: "keras.Model",
    training: Examples,
    plan: TrainingConfig,
    validation: Examples | None = None,
    lowest: float = np.inf,
    tell: Callable[[History], None] | None = None,
) -> History:
    """Trains the model in place and returns its curves by name, a number per epoch.

    An epoch has each image once, by one of its views drawn at random. With validation, training
    stops once that loss has not fallen for `patience` epochs, and the weights of its lowest are
    put back; the first ones, if it never fell below `lowest`. `loss` and `accuracy` are means over
    the epoch while the model learns, `val_loss` and `val_accuracy` those after it.

    Args:
        model: takes float32 (N, *shape), gives probabilities (N, C).
        training: images to learn from.
        plan: how.
        validation: others, of which the first views count.
        lowest: validation loss of the model as it comes.
        tell: is called with the curves so far after each epoch.
    """
    learn = _learning(model, training, plan)
    score = _scoring(model, validation) if validation else None
    names = LEARNING + (HELD_OUT if validation else ())
    curves: History = {name: [] for name in names}
    waited, best = 0, model.get_weights()
    with progress.bar(plan.title, plan.epochs * len(training.labels)) as bar:
        for _ in range(plan.epochs):
            values = learn(bar.update)
            values += score() if score else ()
            for name, value in zip(names, values, strict=True):
                curves[name].append(value)
            bar.set_postfix_str(f"{names[-1]} {values[-1]:.3f}", refresh=False)
            if tell:
                tell(curves)
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
Batches = tuple[np.ndarray, np.ndarray, np.ndarray]  # features, labels and shares of some


def drawn(data: Examples, plan: TrainingConfig, rng: np.random.Generator) -> Iterator[Batches]:
    """Yields an epoch's batches, as many at a time as CHUNK allows.

    Yields:
        float (steps, size, *shape) features, int32 (steps, size) labels, float32 (steps, size)
        shares of the batch's loss.
    """
    images, shares = batches(data.labels, plan, rng)
    count, several = data.views.shape
    chosen = rng.integers(several, size=count) if several > 1 else np.zeros(count, int)
    rows = data.views[np.arange(count), chosen]
    steps = max(1, CHUNK // (images.shape[1] * data.features[:1].nbytes))
    for at in range(0, len(images), steps):
        some = images[at : at + steps]
        yield data.features[rows[some]], data.labels[some], shares[at : at + steps]


def _learning(
    model: "keras.Model", training: Examples, plan: TrainingConfig
) -> Callable[[Callable[[int], object]], Numbers]:
    """Returns what trains for an epoch and returns loss and accuracy.

    It calls what it is given with the number of images done since it last did.
    """
    from classifier.inference.keras_backend import keras, tf

    momentum = {"momentum": plan.momentum} if plan.momentum else {}
    config = {"learning_rate": plan.learning_rate, **momentum}
    optimizer = keras.optimizers.get({"class_name": plan.optimizer, "config": config})
    variables = model.trainable_variables
    optimizer.build(variables)
    rng = np.random.default_rng(plan.seed)
    shape = (None, None, *training.features.shape[1:])
    signature = [
        tf.TensorSpec(shape, training.features.dtype),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, None), tf.float32),
    ]

    @tf.function(input_signature=signature)
    def run(features, labels, shares):  # type: ignore[no-untyped-def]
        loss, right = tf.constant(0.0), tf.constant(0)
        for step in tf.range(tf.shape(labels)[0]):
            with tf.GradientTape() as tape:
                predicted = model(tf.cast(features[step], tf.float32), training=True)
                losses = keras.losses.sparse_categorical_crossentropy(labels[step], predicted)
                total = tf.reduce_sum(losses * shares[step])
            optimizer.apply(tape.gradient(total, variables), variables)
            counted = shares[step] > 0
            hit = (tf.argmax(predicted, 1, tf.int32) == labels[step]) & counted
            loss += total * tf.reduce_sum(tf.cast(counted, tf.float32))
            right += tf.reduce_sum(tf.cast(hit, tf.int32))
        return loss, right

    def epoch(done: Callable[[int], object]) -> Numbers:
        losses = hits = 0.0
        for features, labels, shares in drawn(training, plan, rng):
            loss, right = run(features, labels, shares)
            losses, hits = losses + float(loss), hits + int(right)
            done(int((shares > 0).sum()))
        return losses / len(training.labels), hits / len(training.labels)

    return epoch


def _scoring(model: "keras.Model", validation: Examples) -> Callable[[], Numbers]:
    """Returns what returns loss and accuracy of the model on the validation images."""
    from classifier.inference.keras_backend import keras, tf

    rows = validation.views[:, 0]
    size = max(1, CHUNK // max(1, validation.features[:1].nbytes))
    shape = (None, *validation.features.shape[1:])
    dtype = validation.features.dtype

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype), tf.TensorSpec((None,), tf.int32)])
    def run(features, labels):  # type: ignore[no-untyped-def]
        predicted = model(tf.cast(features, tf.float32), training=False)
        losses = keras.losses.sparse_categorical_crossentropy(labels, predicted)
        hits = tf.cast(tf.argmax(predicted, 1, tf.int32) == labels, tf.float32)
        return tf.reduce_sum(losses), tf.reduce_sum(hits)

    def score() -> Numbers:
        sums = [
            run(validation.features[rows[at : at + size]], validation.labels[at : at + size])
            for at in range(0, len(rows), size)
        ]
        return tuple(float(sum(map(float, some))) / len(rows) for some in zip(*sums, strict=True))

    return score
