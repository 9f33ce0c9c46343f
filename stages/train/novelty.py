"""Fits how unlike its training images an image is, and scores each with what has not seen it."""

from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np

from classifier import novelty
from classifier.dataset.features import FeatureTable, rows_per_chunk
from classifier.head import Head
from classifier.novelty import Novelty
from stages.train.plan import Plan


def fit(
    heads: Mapping[int, Head],
    plan: Plan,
    table: FeatureTable,
    rows: np.ndarray,
    final_images: np.ndarray,
    pool: Executor,
) -> tuple[Novelty, np.ndarray]:
    """Returns the score for new images, and those of the images that validate, float64 (N,).

    Args:
        heads: by round; 0: the final one.
        plan: of N images; the score of those that do not validate is NaN.
        table: features.
        rows: int (N, A), rows of the views over which predictions are averaged.
        final_images: bool (N,), the images that the final head was trained on.
        pool: threads; each computes on one core.
    """
    labels = table.labels[rows[:, 0]]

    def fit_one(number: int) -> Novelty:
        trains = plan.trains & (plan.rounds != number) if number else final_images
        images = np.flatnonzero(trains)
        images = images[novelty.sample(labels[images])]
        return novelty.fit(heads[number].vectors(table.features[rows[images, 0]]), labels[images])

    measures = np.full((len(rows), 3), np.nan)
    fitted = dict(zip(heads, pool.map(fit_one, heads), strict=True))
    for number in heads.keys() - {0}:
        images = plan.rounds == number
        measures[images] = _measures(heads[number], fitted[number], table, rows[images])
    validates = plan.rounds > 0
    known = validates & plan.trains  # what is excluded may be of no class
    final = fitted[0].calibrated(measures[known if known.any() else validates])
    return final, final.scores(measures)


def _measures(head: Head, fitted: Novelty, table: FeatureTable, rows: np.ndarray) -> np.ndarray:
    """Returns the measures of images, averaged over views, float64 (n, 3)."""
    size = max(1, rows_per_chunk(table.features.shape[1:], table.features.dtype) // rows.shape[1])
    parts = []
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        each = fitted.measures(head.vectors(table.features[chunk.ravel()]))
        parts.append(each.reshape(*chunk.shape, -1).mean(axis=1))
    return np.concatenate(parts)
