"""Trains with a validation split, then again on all images for the best number of epochs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from classifier.common.errors import StageError
from classifier.head import TrainedLayers
from stages.train.fine_tuning import TrainingSet, train_two_phases
from stages.train.heads import HEADS
from stages.train.params import ClassWeight, Params
from stages.train.training_loop import History, TrainingConfig

# Without a lower validation loss for fewer steps, training goes on. With 24 to 48 images of
# flowers17 and caltech20, 50 gave lower test losses than 0 and about those of 100 and 200.
MIN_STEPS = 50


def class_weights(labels: np.ndarray, mode: ClassWeight) -> dict[int, float] | None:
    """Returns the weight of each class; `balanced`: N / (C * images of the class).

    A mapping has weights by class index; a class that is not in it has 1.
    """
    if mode == "none":
        return None
    if isinstance(mode, dict):
        return {label: mode.get(label, 1.0) for label in np.unique(labels).tolist()}
    classes, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def head_config(settings: Params, labels: np.ndarray) -> TrainingConfig:
    """Returns how to train the head alone."""
    batch_size = settings.batch_size or min(max(len(labels) // 20, 32), 256)
    return TrainingConfig(
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        batch_size=batch_size,
        epochs=settings.epochs,
        patience=_epochs_to_wait(settings.patience, len(labels), batch_size),
        class_weights=class_weights(labels, settings.class_weight),
        seed=settings.seed,
    )


def fine_tuning_config(settings: Params, labels: np.ndarray) -> TrainingConfig:
    """Returns how to train the head together with the upper blocks."""
    return TrainingConfig(
        optimizer=settings.fine_tune_optimizer,
        learning_rate=settings.fine_tune_learning_rate,
        batch_size=settings.fine_tune_batch_size,
        epochs=settings.fine_tune_epochs,
        patience=_epochs_to_wait(
            settings.fine_tune_patience, len(labels), settings.fine_tune_batch_size
        ),
        class_weights=class_weights(labels, settings.class_weight),
        seed=settings.seed,
        momentum=settings.fine_tune_momentum if settings.fine_tune_optimizer == "sgd" else 0.0,
        description="fine-tune",
    )


def _epochs_to_wait(patience: int, n_images: int, batch_size: int) -> int:
    """Returns the patience in epochs, raised where these have so few steps that little changes."""
    steps = -(-n_images // batch_size)
    return max(patience, -(-MIN_STEPS // steps))


def train_once(
    training: TrainingSet,
    settings: Params,
    epochs: tuple[int, int],
    validation: TrainingSet | None = None,
    on_epoch_end: Callable[[History], None] | None = None,
) -> tuple[TrainedLayers, tuple[History, History]]:
    """Returns layers trained from their initial weights, and the history of both phases.

    Args:
        training: images to train on.
        settings: section `train`.
        epochs: of both phases.
        validation: images for early stopping.
        on_epoch_end: called with the history of both phases so far.

    Raises:
        StageError: the loss is no longer a finite number.
    """
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(settings.seed)
    labels, n_features = training.vectors.labels, training.vectors.features.shape[1]
    configs = (
        replace(head_config(settings, labels), epochs=epochs[0]),
        replace(fine_tuning_config(settings, labels), epochs=epochs[1]),
    )
    model = HEADS["dense"](n_features, training.n_classes, settings)
    layers, histories = train_two_phases(training, model, configs, validation, on_epoch_end)
    for name, history in zip(("learning_rate", "fine_tune_learning_rate"), histories, strict=True):
        if not np.isfinite(history.get("loss", [])).all():
            raise StageError(
                f"params.yaml: train.{name} must be low enough for the loss to stay finite; "
                f"got {getattr(settings, name)!r}: lower it"
            )
    return layers, histories


def train_and_refit(
    dataset: TrainingSet,
    validates: np.ndarray,
    settings: Params,
    on_epoch_end: Callable[[History], None] | None = None,
) -> tuple[TrainedLayers, TrainedLayers, tuple[History, History]]:
    """Returns the final layers, those to evaluate, and the history of the latter.

    The layers to evaluate see the validation images only to stop at their lowest loss. With
    `refit` the final ones are then trained on all images, from the same initial weights, for as
    many epochs as that took; without, both are the same.

    Args:
        dataset: all images.
        validates: bool (N,), the validation images.
        settings: section `train`.
        on_epoch_end: called with the history so far of the layers to evaluate.
    """
    epochs = settings.epochs, settings.fine_tune_epochs
    training, validation = dataset.subset(~validates), dataset.subset(validates)
    evaluation, (first, second) = train_once(training, settings, epochs, validation, on_epoch_end)
    if not settings.refit:
        return evaluation, evaluation, (first, second)
    improved = second and min(second["val_loss"], default=np.inf) < min(first["val_loss"])
    best = best_epoch(first), best_epoch(second) if improved else 0
    final, _ = train_once(dataset, settings, best)
    return final, evaluation, (first, second)


def best_epoch(history: Mapping[str, Sequence[float]]) -> int:
    """Returns the first epoch with the lowest validation loss, counted from 1."""
    return int(np.nanargmin(history["val_loss"])) + 1
