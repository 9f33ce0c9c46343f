"""Chooses layers and strength of a linear head by the log loss of out-of-fold predictions."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from classifier import temperature
from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.discriminant import Coordinates, Linear

MIN_GAIN = 1e-4  # nats by which another strength must be better
JUDGES = 20_000  # images that judge a candidate, about, at most


@dataclass(frozen=True)
class Samples:
    """N images to learn from, and how they are judged.

    Attributes:
        rows: int (N, V), rows of the features of each image's views, the image itself first; in
            memory or on disk.
        labels: int (N,), in memory or on disk.
        folds: int (N,), 1 to F.
        trains: bool (N,); the others are predicted only.
        class_weights: float (C,).
    """

    rows: Rows
    labels: Rows
    folds: np.ndarray
    trains: np.ndarray
    class_weights: np.ndarray

    def subset(self, images: np.ndarray) -> "Samples":
        """Returns some of the images, selected by index or by mask."""
        rows, labels, folds, trains = (
            array[images] for array in (self.rows, self.labels, self.folds, self.trains)
        )
        return Samples(rows, labels, folds, trains, self.class_weights)

    @property
    def fold_numbers(self) -> list[int]:
        """Returns the folds that have images, ascending."""
        return np.unique(self.folds).tolist()

    @property
    def weights(self) -> np.ndarray:
        """Returns the weight of each image in the log loss, float (N,)."""
        return np.asarray(self.class_weights[self.labels[:]] * self.trains)

    @property
    def judges(self) -> "Samples":
        """Returns the images to judge candidates by: all where these are few, else of each fold."""
        step = -(-len(self.labels) // JUDGES)
        folds = [orders.true_places(self.folds == fold, step) for fold in self.fold_numbers]
        return self.subset(np.sort(np.concatenate(folds)))

    @property
    def n_views(self) -> int:
        """Returns V."""
        return int(self.rows[:1].shape[1])

    def examples(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rows of all views of some images, int (n V,), and their labels."""
        rows = self.rows[images]
        return rows.ravel(), np.repeat(self.labels[images], rows.shape[1])


class LinearModel(Protocol):
    """A kind of linear head on given features."""

    name: str
    coordinates: Coordinates

    def fit(self, fold: int, strength: float) -> Linear:
        """Returns a layer fitted to all training images but those of a fold; 0: to all."""

    def growth(self, n_folds: int) -> float:
        """Returns a factor on the logits of a layer fitted to the images of all folds."""


@dataclass(frozen=True)
class Candidate:
    """A head with given layers and strength, one fitted without each fold.

    Attributes:
        model: fits it.
        strength: how much it is regularized.
        fold_layers: fitted without each fold, in the order of the folds.
        logits: float32 (N, C), out of fold.
    """

    model: LinearModel
    strength: float
    fold_layers: list[Linear]
    logits: np.ndarray


@dataclass(frozen=True)
class Choice:
    """The candidate with the lowest log loss on some images, calibrated on them."""

    candidate: Candidate
    factor: float  # on its logits
    log_loss: float


def evaluate(model: LinearModel, samples: Samples, strength: float, pool: Executor) -> Candidate:
    """Returns a candidate, its folds fitted side by side."""
    logits = np.empty((len(samples.labels), len(samples.class_weights)), np.float32)

    def fit(fold: int) -> Linear:
        images = np.flatnonzero(samples.folds == fold)
        layer = model.fit(fold, strength)
        logits[images] = model.coordinates.logits(samples.rows[images][:, 0], layer)
        return layer

    return Candidate(model, strength, list(pool.map(fit, samples.fold_numbers)), logits)


def calibrate(candidate: Candidate, samples: Samples, images: np.ndarray) -> Choice:
    """Returns the candidate with the factor that fits some images best."""
    logits, labels, weights = (
        candidate.logits[images],
        samples.labels[images],
        samples.weights[images],
    )
    factor = temperature.fit(logits, labels, weights)
    loss = temperature.log_loss(temperature.log_probabilities(logits * factor), labels, weights)
    return Choice(candidate, factor, loss)


def search(
    model: LinearModel, strengths: Sequence[float], start: int, samples: Samples, pool: Executor
) -> list[Candidate]:
    """Returns the candidates tried: from the strength numbered `start`, on while the loss falls."""
    tried: dict[int, Choice] = {}

    def loss(number: int) -> float:
        if not 0 <= number < len(strengths):
            return np.inf
        if number not in tried:
            candidate = evaluate(model, samples, strengths[number], pool)
            tried[number] = calibrate(candidate, samples, samples.trains)
        return tried[number].log_loss

    best = start
    for step in (-1, 1):
        while loss(best + step) < loss(best) - MIN_GAIN:
            best += step
    return [choice.candidate for choice in tried.values()]


def choose(candidates: Sequence[Candidate], samples: Samples, images: np.ndarray) -> Choice:
    """Returns the candidate with the lowest log loss on some images, calibrated on them."""
    choices = (calibrate(candidate, samples, images) for candidate in candidates)
    return min(choices, key=lambda choice: choice.log_loss)
