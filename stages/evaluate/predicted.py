"""The usable test images, of known class or not."""

import math
from collections.abc import Container
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.common.sorted_join import look_up
from classifier.dataset import similarity
from classifier.evaluation import predictions, scored_images

COLUMNS = {
    "probability": "f8",
    "novelty": "f8",
    "unknown": "?",
    "correct": "f8",
    "similarity": "f4",
    "copied": "?",
}


@dataclass(frozen=True)
class Predicted:
    """M test images, in path order; arrays are (M,).

    Attributes:
        probability: float64, of the most probable class.
        novelty: float64; NaN if it is not known.
        unknown: bool, whether the image looks like no class.
        correct: float64, 1 if the prediction is right, 0 if wrong, NaN if the class is not known.
        similarity: float32, to the nearest training image; NaN if it is not known.
        copied: bool, whether the image is also a training image.
    """

    probability: np.ndarray
    novelty: np.ndarray
    unknown: np.ndarray
    correct: np.ndarray
    similarity: np.ndarray
    copied: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """Returns which images are of a known class, bool (M,)."""
        return ~np.isnan(self.correct)

    def select(self, chosen: np.ndarray) -> "Predicted":
        """Returns some of the images; `chosen` is bool (M,)."""
        if chosen.all():
            return self
        return Predicted(**{name: column[chosen] for name, column in vars(self).items()})


def read(
    predictions_csv: Path, scored_csv: Path, similarity_csv: Path, copies: Container[str]
) -> Predicted:
    """Returns the test images, from tables that are sorted by path.

    Args:
        predictions_csv: results/predictions.csv.
        scored_csv: results/scored_test.csv.
        similarity_csv: results/similarity.csv.
        copies: paths of the images that are also training images.
    """
    usable = (row for row in files.iter_dicts(predictions_csv) if row["status"] == "ok")
    rows, *others = tee(usable, 3)
    paths = ((row["path"] for row in other) for other in others)
    scored = ((r.path, float(r.true_class_rank == 1)) for r in scored_images.iter_rows(scored_csv))
    correct = look_up(next(paths), scored, math.nan)
    similarities = look_up(next(paths), similarity.iter_rows(similarity_csv), math.nan)
    joined = zip(rows, correct, similarities, strict=True)
    values = (
        (
            float(row["probability"]),
            float(row.get("novelty") or "nan"),
            predictions.is_unknown(row),
            right,
            similar,
            row["path"] in copies,
        )
        for row, right, similar in joined
    )
    table = np.fromiter(values, np.dtype(list(COLUMNS.items())))
    return Predicted(**{name: table[name] for name in COLUMNS})
