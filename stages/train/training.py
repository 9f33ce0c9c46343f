"""Trains with a validation split, then again on all images for the best number of epochs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from classifier.common.disk_array import Rows
from classifier.common.errors import StageError
from classifier.head import TrainedLayers
from stages.train.fine_tuning import TrainingSet, train_two_phases
from stages.train.heads import HEADS
from stages.train.outcome import Outcome
from stages.train.params import ClassWeight, Params
from stages.train.plan import Plan
from stages.train.training_loop import History, TrainingConfig

# Without a lower validation loss for fewer steps, training goes on. With 24 to 48 images of
# flowers17 and caltech20, 50 gave lower test losses than 0 and about those of 100 and 200.
MIN_STEPS = 50


def class_weights(labels: Rows, mode: ClassWeight) -> dict[int, float] | None:
    """Returns the weight of each class; `balanced`: N / (C * images of the class).

    A mapping has weights by class index; a class that is not in it has 1.
    """
    if mode == "none":
        return None
    if isinstance(mode, dict):
        return {label: mode.get(label, 1.0) for label in np.unique(labels[:]).tolist()}
    classes, counts = np.unique(labels[:], return_counts=True)
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


def train(
    dataset: TrainingSet,
    plan: Plan,
    settings: Params,
    on_epoch_end: Callable[[History], None] | None = None,
) -> Outcome:
    """Returns the final layers, and those of each round.

    The layers of a round see the images that validate in it only to stop at their lowest loss.
    The final ones are then trained on all images, from the same initial weights, for as many
    epochs as that took, in cross-validation the median of the rounds; without `refit`, they are
    those of the only round.

    Args:
        dataset: all images.
        plan: which of them validate when.
        settings: section `train`.
        on_epoch_end: called with the history so far of the first round.
    """
    epochs = settings.epochs, settings.fine_tune_epochs
    rounds: dict[int, TrainedLayers] = {}
    histories: list[tuple[History, History]] = []
    for number in np.unique(plan.rounds[plan.rounds > 0]).tolist():
        validates = plan.rounds == number
        training = dataset.subset(plan.trains & ~validates)
        follow = on_epoch_end if not rounds else None
        rounds[number], both = train_once(
            training, settings, epochs, dataset.subset(validates), follow
        )
        histories.append(both)
    first, second = histories[0]
    final = rounds[1]
    if settings.refit or plan.cross_validated:
        best = np.median([_best_epochs(*both) for both in histories], axis=0).astype(int)
        final, _ = train_once(dataset.subset(plan.trains), settings, (best[0], best[1]))
    history = {name: first[name] + second.get(name, []) for name in first}
    return Outcome(final, rounds, "dense", (), (), history, len(second.get("loss", [])))


def _best_epochs(first: History, second: History) -> tuple[int, int]:
    """Returns the epochs of both phases up to the lowest validation loss."""
    improved = second and min(second["val_loss"], default=np.inf) < min(first["val_loss"])
    return best_epoch(first), best_epoch(second) if improved else 0


def best_epoch(history: Mapping[str, Sequence[float]]) -> int:
    """Returns the first epoch with the lowest validation loss, counted from 1."""
    return int(np.nanargmin(history["val_loss"])) + 1
