"""results/validation_predictions.npz: predictions of images by heads that have not seen them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.dataset import features
from classifier.dataset.features import Column

PATH = Path("results/validation_predictions.npz")


@dataclass(frozen=True)
class ValidationPredictions:
    """N images; with cross-validation all training images, else those held out.

    Attributes:
        paths: str (N,).
        labels: int32 (N,), index into `class_names`.
        class_names: str (C,).
        probabilities: float32 (N, C); rows sum to 1.
        folds: int32 (N,), 1 to F; 0: held out.
        groups: int32 (N,); images with equal numbers are never on two sides.
        random_correct: bool (N,), whether the prediction is right if groups are torn apart; (0,)
            where that was not tried.
        novelty: float32 (N,), how unlike the images it was trained on; NaN if not computed.
        curve_images: int32 (F,), numbers of training images, ascending; (0,) if not tried.
        curve_correct: float32 (N, F), how often the image is predicted right by a head that
            learned from so many; NaN where these were too few. (0, 0) if not tried.
    """

    paths: np.ndarray
    labels: np.ndarray
    class_names: np.ndarray
    probabilities: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    random_correct: np.ndarray
    novelty: np.ndarray
    curve_images: np.ndarray
    curve_correct: np.ndarray

    @property
    def accuracy(self) -> float:
        """Returns the fraction of the images whose most probable class is their own."""
        return float((self.probabilities.argmax(axis=1) == self.labels).mean())


def write(path: Path, predictions: ValidationPredictions) -> None:
    """Writes the arrays."""
    columns = vars(predictions).items()
    features.write(path, {name: Column.from_array(array) for name, array in columns})


def read(path: Path) -> ValidationPredictions:
    """Returns the arrays."""
    with np.load(path, allow_pickle=False) as arrays:
        return ValidationPredictions(**{name: arrays[name] for name in arrays.files})
