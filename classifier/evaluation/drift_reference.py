"""The images that new ones are compared with for drift; in models/exported/, drift.json."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.common.disk_array import in_memory
from classifier.common.errors import StageError
from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions

NAME = "drift.json"
VALUES = 1001  # of novelty that are kept, at most


@dataclass(frozen=True)
class Reference:
    """Images of the training set, predicted by heads that have not seen them.

    Attributes:
        images: their number N.
        unknown: number of them above the threshold.
        class_counts: int (C,), by most probable class.
        novelty: (N,), sorted; of more than VALUES images, so many quantiles.
    """

    images: int
    unknown: int
    class_counts: np.ndarray
    novelty: np.ndarray


def of(validated: ValidationPredictions, threshold: float) -> Reference:
    """Returns the images that validate; those of more novelty than `threshold` are unknown."""
    novelty = in_memory(validated.novelty)
    novelty.sort()
    images, unknown = len(novelty), int((novelty > threshold).sum())
    if images > VALUES:
        novelty = np.quantile(novelty, np.linspace(0, 1, VALUES), overwrite_input=True)
    counts = np.zeros(len(validated.class_names), int)
    for block in validated.blocks():
        classes = validated.probabilities[block].argmax(axis=1)
        counts += np.bincount(classes, minlength=len(counts))
    return Reference(images, unknown, counts, novelty)


def write(folder: Path, reference: Reference) -> None:
    """Writes it into a folder with an exported classifier."""
    values = asdict(reference)
    arrays = {name: values[name].tolist() for name in ("class_counts", "novelty")}
    files.write_json(folder / NAME, values | arrays)


def read(folder: Path) -> Reference:
    """Returns what `write` has written.

    Raises:
        StageError: there is none, as in a folder of another version.
    """
    path = folder / NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        images, unknown, *arrays = (values[one.name] for one in fields(Reference))
        return Reference(images, unknown, *map(np.asarray, arrays))
    except (OSError, KeyError, ValueError):
        raise StageError(
            f"{path.as_posix()}: is missing or of another version of this project; run `dvc repro`"
        ) from None


def of_project(class_names: tuple[str, ...], threshold: float) -> Reference:
    """Returns that of the project in the working directory.

    Raises:
        StageError: results/validation_predictions.npz is missing, or of other classes.
    """
    path = validation_predictions.PATH
    if not path.exists():
        raise StageError(f"{path.as_posix()}: there is no such file; run `dvc repro`")
    validated = validation_predictions.read(path)
    if validated.class_names.tolist() != list(class_names):
        raise StageError(
            f"{path.as_posix()}: is of other classes than models/head; run `dvc repro`"
        )
    return of(validated, threshold)
