"""results/classes.csv: the scores of each class."""

from pathlib import Path

import numpy as np

from classifier.evaluation.intervals import wilson
from classifier.evaluation.scored_images import ScoredImages

PATH = Path("results/classes.csv")
HEADER = (
    "class",
    "images",
    "true_positives",
    "predicted",
    "recall",
    "recall_low",
    "recall_high",
    "precision",
    "f1",
)


def class_counts(scored: ScoredImages) -> list[tuple[str, int, int, int]]:
    """Returns images, true positives and predictions of each class that occurs, sorted."""
    counts = np.zeros((3, len(scored.names)), int)
    for block in scored.blocks():
        label, predicted = block.label[:], block.predicted[:]
        for row, column in enumerate((label, label[block.correct], predicted)):
            counts[row] += np.bincount(column, minlength=len(scored.names))
    rows = zip(scored.names.tolist(), *counts.tolist(), strict=True)
    return sorted(row for row in rows if row[1] or row[3])


def rows(scored: ScoredImages) -> list[list[object]]:
    """Returns the rows of results/classes.csv: the classes that occur or are predicted, sorted.

    A fraction of no images is an empty cell.
    """
    table: list[list[object]] = []
    for name, images, hits, predicted in class_counts(scored):
        recall = [hits / images, *wilson(hits, images)] if images else []
        cells = [f"{fraction:.4f}" for fraction in recall] or [""] * 3
        precision = f"{hits / predicted:.4f}" if predicted else ""
        f1 = f"{2 * hits / (images + predicted):.4f}"
        table.append([name, images, hits, predicted, *cells, precision, f1])
    return table
