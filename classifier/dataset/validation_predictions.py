"""results/validation_predictions.npz: predictions of images by heads that have not seen them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.common.errors import StageError
from classifier.dataset import npz
from classifier.dataset.lazy_array import LazyArray, Selected
from classifier.dataset.npz import Column, StoredArray

PATH = Path("results/validation_predictions.npz")
LAZY = ("paths", "labels", "probabilities", "folds", "groups", "novelty")
BLOCK = 4096  # images


Streamed = np.ndarray | LazyArray | StoredArray | Selected


@dataclass(frozen=True)
class ValidationPredictions:
    """N images; with cross-validation all training images, else those held out.

    Attributes:
        paths: str (N,), sorted; left on disk.
        labels: int32 (N,), index into `class_names`; left on disk.
        class_names: str (C,).
        probabilities: float32 (N, C); rows sum to 1; left on disk.
        folds: int32 (N,), 1 to F; 0: held out; left on disk.
        groups: int32 (N,); images with equal numbers are never on two sides; left on disk.
        random_correct: bool (N,), whether the prediction is right if groups are torn apart; (0,)
            where that was not tried.
        novelty: float32 (N,), how unlike the images it was trained on; NaN if not computed;
            left on disk.
        curve_images: int32 (F,), numbers of training images, ascending; (0,) if not tried.
        curve_rows: int32 (M,), the images that were tried with so many, ascending.
        curve_correct: float32 (M, F), how often such an image is predicted right by a head that
            learned from so many: 0, 0.5 or 1; NaN where these were too few. (0, 0) if not tried.
    """

    paths: Streamed
    labels: Streamed
    class_names: np.ndarray
    probabilities: Streamed
    folds: Streamed
    groups: Streamed
    random_correct: np.ndarray
    novelty: Streamed
    curve_images: np.ndarray
    curve_rows: np.ndarray
    curve_correct: np.ndarray

    def blocks(self) -> Iterator[slice]:
        """Yields the images in order, BLOCK at a time."""
        return _blocks(len(self.probabilities))

    def iter_paths(self) -> Iterator[str]:
        """Yields the paths."""
        for block in self.blocks():
            yield from self.paths[block].tolist()

    @property
    def accuracy(self) -> float:
        """Returns the fraction of the images whose most probable class is their own."""
        right = (
            int((self.probabilities[block].argmax(axis=1) == self.labels[block]).sum())
            for block in self.blocks()
        )
        return sum(right) / len(self.probabilities)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def write(path: Path, predictions: ValidationPredictions) -> None:
    """Writes the arrays, those on disk a block at a time."""
    npz.write(path, {name: _column(array) for name, array in vars(predictions).items()})


def _column(array: Streamed) -> Column:
    chunks = (array[block] for block in _blocks(len(array)))
    return Column(array.dtype, array.shape, chunks)


def read(path: Path) -> ValidationPredictions:
    """Returns the arrays; those in LAZY stay on disk until they are used.

    Raises:
        StageError: the file is damaged, or of another version of this project.
        FileNotFoundError: there is no file.
    """
    try:
        names = [name for name in ValidationPredictions.__dataclass_fields__ if name not in LAZY]
        columns: dict[str, Any] = {**npz.read(path, names), **npz.stored(path, LAZY)}
        return ValidationPredictions(**columns)
    except FileNotFoundError:
        raise
    except npz.DAMAGED as error:
        rule = "must be as this version of stage `train` writes it; got one that cannot be read"
        raise StageError(f"{path.as_posix()}: {rule} ({error}): run `dvc repro`") from error
