"""Fits how unlike its training images an image is."""

from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np

from classifier import novelty
from classifier.dataset.features import FeatureTable
from classifier.head import Head
from classifier.novelty import Novelty
from stages.train.plan import Plan


def fit(
    heads: Mapping[int, Head],
    plan: Plan,
    table: FeatureTable,
    rows: np.ndarray,
    pool: Executor,
) -> dict[int, Novelty]:
    """Returns, by round, the score that has not seen the images that validate; not calibrated.

    Args:
        heads: by round; 0: the final one.
        plan: of N images.
        table: features.
        rows: int (N,), of the images.
        pool: threads; each computes on one core.
    """
    labels = table.labels[rows]

    def fit_one(number: int) -> Novelty:
        trains = plan.trains & (plan.rounds != number) if number else plan.learned
        images = np.flatnonzero(trains)
        images = images[novelty.sample(labels[images])]
        return novelty.fit(heads[number].vectors(table.features[rows[images]]), labels[images])

    return dict(zip(heads, pool.map(fit_one, heads), strict=True))


def calibrate(fitted: Novelty, plan: Plan, measures: np.ndarray) -> tuple[Novelty, np.ndarray]:
    """Returns the score for new images, and those of the images that validate, float64 (N,).

    Args:
        fitted: to the images that the final head was trained on.
        plan: of N images.
        measures: float (N, 3), by the scores of their rounds; NaN where an image has none.
    """
    validates = plan.rounds > 0
    known = validates & plan.trains  # what is excluded may be of no class
    final = fitted.calibrated(measures[known if known.any() else validates])
    return final, final.scores(measures)
