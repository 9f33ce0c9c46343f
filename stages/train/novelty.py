"""Fits how unlike its training images an image is."""

from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np

from classifier import novelty
from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.dataset.features import FeatureTable
from classifier.dataset.npz import StoredArray
from classifier.head import Head
from classifier.novelty import Novelty
from stages.train.plan import Plan

MEASURES = 3
CALIBRATED = 200_000  # images whose scores say what is usual, about, at most


def fit(
    heads: Mapping[int, Head],
    plan: Plan,
    table: FeatureTable,
    rows: Rows,
    labels: Rows,
    pool: Executor,
) -> dict[int, Novelty]:
    """Returns, by round, the score that has not seen the images that validate; not calibrated.

    Args:
        heads: by round; 0: the final one.
        plan: of N images.
        table: features.
        rows: int (N, V), of the views of each image.
        labels: int (N,).
        pool: threads; each computes on one core.
    """

    def fit_one(number: int) -> Novelty:
        trains = plan.trains & (plan.rounds != number) if number else plan.learned
        images = novelty.sample(labels, trains)
        vectors = heads[number].vectors(table.features[rows[images][:, 0]])
        return novelty.fit(vectors, labels[images])

    return dict(zip(heads, pool.map(fit_one, heads), strict=True))


def calibrate(
    fitted: Novelty, plan: Plan, measures: StoredArray, places: np.ndarray
) -> tuple[Novelty, np.ndarray]:
    """Returns the score for new images, and those of the images that validate.

    float32 (N,); NaN where an image does not validate.

    Args:
        fitted: to the images that the final head was trained on.
        plan: of N images.
        measures: float64 (n, MEASURES), by the scores of their rounds.
        places: int (N,), the row of each image in them; -1: none.
    """
    validates = plan.rounds > 0
    known = validates & plan.trains  # what is excluded may be of no class
    known = known if known.any() else validates
    step = max(1, -(-int(np.count_nonzero(known)) // CALIBRATED))
    final = fitted.calibrated(measures[places[orders.true_places(known, step)]])
    scores = np.full(len(places), np.nan, np.float32)
    for block in orders.blocks(len(places)):
        images = block.start + np.flatnonzero(places[block] >= 0)
        scores[images] = final.scores(measures[places[images]])
    return final, scores
