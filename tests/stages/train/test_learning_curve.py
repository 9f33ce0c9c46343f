from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from classifier.dataset import features
from stages.train import learning_curve
from stages.train.cross_validation import Samples
from stages.train.learning_curve import FRACTIONS, N_PARTS, LearningCurve
from stages.train.units import Units
from tests.stages.train.samples import clusters

TABLE = clusters(600)
FOLDS = np.arange(600) % 3 + 1
PARTS = learning_curve.draw_parts(Units.of(features.hex_hashes(TABLE.sha256)), TABLE.labels, 1)


def measure(values: np.ndarray, labels=TABLE.labels, folds=FOLDS, parts=PARTS) -> LearningCurve:
    everything = np.ones(len(labels), bool)
    rows = np.arange(len(labels))[:, None]
    samples = Samples(rows, labels, folds, everything, np.ones(3))
    with ThreadPoolExecutor(2) as pool:
        return learning_curve.measure(values, samples, slice(None), 1, parts, pool)


def test_all_images_give_scikit_learns_predictions():
    values = np.repeat(TABLE.features, 2, axis=1)  # of rank 6: all dimensions are used
    curve = measure(values)
    model = LinearDiscriminantAnalysis("lsqr", shrinkage=learning_curve.SHRINKAGE)
    theirs = np.empty(600)
    for fold in (1, 2, 3):
        own = fold == FOLDS
        theirs[own] = model.fit(values[~own], TABLE.labels[~own]).predict(values[own])
    assert np.mean(curve.correct[:, -1] == (theirs == TABLE.labels)) > 0.99
    assert curve.images.tolist() == pytest.approx([400 * f for f in FRACTIONS], abs=12)


def test_an_image_does_not_teach_its_own_class():
    labels = np.where(FOLDS == 2, (TABLE.labels + 1) % 3, TABLE.labels).astype(np.int32)
    values = np.repeat(TABLE.features, 2, axis=1)
    wrong = measure(values, labels).correct[FOLDS == 2]
    assert wrong.mean() < 0.4 < 0.7 < measure(values).correct[FOLDS == 2].mean()


def test_a_unit_is_in_one_part_and_every_part_has_each_class():
    labels = np.arange(600) // 3 % 2
    parts = learning_curve.draw_parts(Units.of([f"{n // 3}" for n in range(600)]), labels, 1)
    assert all(len(set(parts[start : start + 3])) == 1 for start in range(0, 600, 3))
    counts = np.bincount(parts[labels == 0], minlength=N_PARTS + 1)[1:]
    assert counts.min() == counts.max() == 15


def test_fractions_with_less_than_two_images_of_a_class_and_images_held_in_are_not_tried():
    few = slice(0, 40)
    folds = np.where(np.arange(40) < 20, 0, 1)
    curve = measure(TABLE.features[few], TABLE.labels[few], folds, PARTS[few])
    assert curve.predicted.tolist() == list(range(20, 40))
    assert np.isnan(curve.correct).all(axis=0).tolist() == [True, True, False, False, False]


def test_of_many_images_some_of_each_fold_are_predicted_as_they_would_be_among_all(monkeypatch):
    values = np.repeat(TABLE.features, 2, axis=1)
    whole = measure(values)
    monkeypatch.setattr(learning_curve, "MOST", 150)
    some = measure(values)
    assert some.predicted.tolist() == list(range(0, 600, 4))
    assert set(FOLDS[some.predicted]) == {1, 2, 3}
    assert np.array_equal(some.correct, whole.correct[::4])


def test_with_too_few_images_for_any_fraction_nothing_is_tried():
    rows = np.concatenate([np.flatnonzero(TABLE.labels == label)[:2] for label in range(3)])
    folds = np.tile([1, 2], 3)
    curve = measure(TABLE.features[rows], TABLE.labels[rows], folds, PARTS[rows])
    assert np.isnan(curve.correct).all() and curve.images[-1] == 3


@pytest.mark.parametrize("count", [15, 16, 40])
def test_small_numbers_of_folds_give_what_large_ones_do(count):
    folds = np.arange(600) % count + 1
    curves = [measure(TABLE.features, folds=folds.astype(kind)) for kind in (np.int8, np.int64)]
    assert np.array_equal(*(curve.correct for curve in curves), equal_nan=True)
    assert np.mean(curves[0].correct[:, -1]) > 0.8
