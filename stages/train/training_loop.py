"""Trains a Keras model, many batches per call, on features in memory or on disk.

The updates are those of Keras's `fit`; in addition, each epoch draws one view of each image, and
memory does not grow with the features.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.common import progress
from classifier.dataset.features import Array
from stages.train import optimizers

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]  # by metric, one value per epoch
METRICS = ("loss", "accuracy")
VAL_METRICS = ("val_loss", "val_accuracy")
CHUNK = 32_000_000  # bytes of features passed to TensorFlow in one call
WINDOW = 50_000  # images


@dataclass(frozen=True)
class Examples:
    """N images and their views.

    Attributes:
        features: float (R, *shape), in memory or on disk.
        labels: int32 (N,).
        views: int (N, V), rows of `features`; the first is that of the image itself.
    """

    features: Array
    labels: np.ndarray
    views: np.ndarray

    @classmethod
    def without_views(cls, features: Array, labels: np.ndarray) -> "Examples":
        """Returns images without augmented copies: row n of the features is that of image n."""
        return cls(features, labels, np.arange(len(labels))[:, None])

    def subset(self, images: np.ndarray) -> "Examples":
        """Returns some of the images, selected by index or by mask."""
        return Examples(self.features, self.labels[images], self.views[images])


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        optimizer: one of `optimizers.Optimizer`.
        learning_rate: its learning rate.
        batch_size: images per step.
        epochs: the maximum with validation, else the exact number.
        patience: epochs without a lower validation loss before training stops.
        class_weights: weight of the images of each class; None: 1.
        seed: of the order of the images and the choice of their views.
        momentum: of sgd.
        description: of the progress bar.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    class_weights: Mapping[int, float] | None
    seed: int
    momentum: float = 0.0
    description: str = "train"


def draw_batches(
    labels: np.ndarray, config: TrainingConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the batches of an epoch: images in random order, and their weights in the loss.

    All batches have the same size: the last is padded with images of weight 0. As in Keras's
    `fit`, the loss of a batch is the sum of weighted losses over its number of images.

    Returns:
        int32 (steps, size) images, float32 (steps, size) weights.
    """
    count, size = len(labels), min(config.batch_size, len(labels))
    steps = -(-count // size)
    images = np.zeros(steps * size, np.int32)
    images[:count] = shuffled(count, rng)
    weights = np.zeros(steps * size, np.float32)
    weights[:count] = 1
    if config.class_weights:
        by_class = [config.class_weights.get(label, 0) for label in labels[images].tolist()]
        weights *= np.array(by_class, np.float32)
    sizes = np.full((steps, 1), size, np.float32)
    sizes[-1] = count - (steps - 1) * size
    return images.reshape(steps, size), weights.reshape(steps, size) / sizes


def shuffled(count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns images in random order, int (count,); many only among WINDOW, from anywhere on.

    Images that are in the order of their hashes are in random order already, and those of a window
    lie in few files.
    """
    if count <= WINDOW:
        return rng.permutation(count)
    order = np.roll(np.arange(count), rng.integers(count))
    for start in range(0, count, WINDOW):
        rng.shuffle(order[start : start + WINDOW])
    return order


Batches = tuple[np.ndarray, np.ndarray, np.ndarray]  # features, labels, weights


def load_batches(
    examples: Examples, config: TrainingConfig, rng: np.random.Generator
) -> Iterator[Batches]:
    """Yields the batches of an epoch, as many at a time as CHUNK allows.

    Each image comes once, as one of its views at random.

    Yields:
        float (steps, size, *shape) features, int32 (steps, size) labels, float32 (steps, size)
        weights.
    """
    images, weights = draw_batches(examples.labels, config, rng)
    count, n_views = examples.views.shape
    view = rng.integers(n_views, size=count) if n_views > 1 else np.zeros(count, int)
    rows = examples.views[np.arange(count), view]
    steps = max(1, CHUNK // (images.shape[1] * examples.features[:1].nbytes))
    for start in range(0, len(images), steps):
        chunk = images[start : start + steps]
        yield examples.features[rows[chunk]], examples.labels[chunk], weights[start : start + steps]


def fit(
    model: "keras.Model",
    training: Examples,
    config: TrainingConfig,
    validation: Examples | None = None,
    baseline_loss: float = np.inf,
    on_epoch_end: Callable[[History], None] | None = None,
) -> History:
    """Trains the model in place and returns its history.

    With validation, training stops once the validation loss has not fallen for `patience` epochs,
    and the weights of the epoch with the lowest are restored; the initial ones if it never fell
    below `baseline_loss`. `loss` and `accuracy` are means over the epoch, while the model learns;
    `val_loss` and `val_accuracy` are those after it.

    Args:
        model: from float32 (N, *shape) to probabilities (N, C).
        training: images to train on.
        config: how to train.
        validation: other images; only they themselves count, not their augmented copies.
        baseline_loss: validation loss of the initial weights.
        on_epoch_end: called with the history so far.
    """
    train_epoch = _train_function(model, training, config)
    evaluate = _evaluate_function(model, validation) if validation else None
    names = METRICS + (VAL_METRICS if validation else ())
    history: History = {name: [] for name in names}
    best_loss, best_weights, waited = baseline_loss, model.get_weights(), 0
    with progress.bar(config.description, config.epochs * len(training.labels)) as bar:
        for _ in range(config.epochs):
            values = train_epoch(bar.update) + (evaluate() if evaluate else ())
            for name, value in zip(names, values, strict=True):
                history[name].append(value)
            bar.set_postfix_str(f"{names[-1]} {values[-1]:.3f}", refresh=False)
            if on_epoch_end:
                on_epoch_end(history)
            if not evaluate:
                continue
            if history["val_loss"][-1] < best_loss:
                best_loss, best_weights, waited = history["val_loss"][-1], model.get_weights(), 0
            elif (waited := waited + 1) >= config.patience:
                break
    if evaluate:
        model.set_weights(best_weights)
    return history


def _train_function(
    model: "keras.Model", training: Examples, config: TrainingConfig
) -> Callable[[Callable[[int], object]], tuple[float, ...]]:
    """Returns a function that trains for an epoch and returns loss and accuracy.

    Its argument is called with the number of images in each chunk that is done.
    """
    from classifier.inference.keras_backend import keras, tf

    optimizer = optimizers.build(config.optimizer, config.learning_rate, config.momentum)
    variables = model.trainable_variables
    optimizer.build(variables)
    rng = np.random.default_rng(config.seed)
    shape = (None, None, *training.features.shape[1:])
    signature = [
        tf.TensorSpec(shape, training.features.dtype),
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, None), tf.float32),
    ]

    @tf.function(input_signature=signature)
    def train_chunk(features, labels, weights):  # type: ignore[no-untyped-def]
        total_loss, correct = tf.constant(0.0), tf.constant(0)
        for step in tf.range(tf.shape(labels)[0]):
            with tf.GradientTape() as tape:
                predicted = model(tf.cast(features[step], tf.float32), training=True)
                losses = keras.losses.sparse_categorical_crossentropy(labels[step], predicted)
                loss = tf.reduce_sum(losses * weights[step])
            optimizer.apply(tape.gradient(loss, variables), variables)
            counted = weights[step] > 0  # not the padding
            hits = (tf.argmax(predicted, 1, tf.int32) == labels[step]) & counted
            total_loss += loss * tf.reduce_sum(tf.cast(counted, tf.float32))
            correct += tf.reduce_sum(tf.cast(hits, tf.int32))
        return total_loss, correct

    def train_epoch(on_images_done: Callable[[int], object]) -> tuple[float, ...]:
        total_loss = correct = 0.0
        for features, labels, weights in load_batches(training, config, rng):
            chunk_loss, chunk_correct = train_chunk(features, labels, weights)
            total_loss, correct = total_loss + float(chunk_loss), correct + int(chunk_correct)
            on_images_done(int((weights > 0).sum()))
        return total_loss / len(training.labels), correct / len(training.labels)

    return train_epoch


def _evaluate_function(
    model: "keras.Model", validation: Examples
) -> Callable[[], tuple[float, ...]]:
    """Returns a function that returns loss and accuracy on the validation images."""
    from classifier.inference.keras_backend import keras, tf

    rows = validation.views[:, 0]
    size = max(1, CHUNK // max(1, validation.features[:1].nbytes))
    shape = (None, *validation.features.shape[1:])
    dtype = validation.features.dtype

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype), tf.TensorSpec((None,), tf.int32)])
    def evaluate_chunk(features, labels):  # type: ignore[no-untyped-def]
        predicted = model(tf.cast(features, tf.float32), training=False)
        losses = keras.losses.sparse_categorical_crossentropy(labels, predicted)
        hits = tf.cast(tf.argmax(predicted, 1, tf.int32) == labels, tf.float32)
        return tf.reduce_sum(losses), tf.reduce_sum(hits)

    def evaluate() -> tuple[float, ...]:
        sums = [
            evaluate_chunk(validation.features[rows[chunk]], validation.labels[chunk])
            for chunk in (slice(start, start + size) for start in range(0, len(rows), size))
        ]
        return tuple(sum(map(float, values)) / len(rows) for values in zip(*sums, strict=True))

    return evaluate
