import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stages.inspect import lda
from stages.inspect.lda import FOLDS, SHRINKAGE, TEMPERATURE

RNG = np.random.default_rng(1)
LABELS = np.repeat(np.arange(3), 40)
VALUES = (RNG.normal(0, 2, (3, 5))[LABELS] + RNG.normal(size=(120, 5))).astype(np.float32)
PARTS = np.tile(
    np.arange(40) % (FOLDS + 1), 3
)  # the last one is predicted by the model of all others


def predicted(values: np.ndarray, folds: np.ndarray) -> np.ndarray:
    result = np.full((120, 3), np.nan)
    models = lda.fit_folds(values, LABELS, folds, 3)
    for rows, probabilities in lda.predict(models, values, folds):
        result[rows] = probabilities
    return result


@pytest.mark.parametrize("chunk", [7, 4096])
def test_probabilities_are_scikit_learns_softened_by_the_temperature(chunk, monkeypatch):
    monkeypatch.setattr(lda, "CHUNK", chunk)
    found = predicted(VALUES, PARTS)
    for fold in range(FOLDS + 1):
        fitted = ~np.isin(PARTS, [fold, FOLDS])
        oracle = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage=SHRINKAGE, priors=np.full(3, 1 / 3)
        ).fit(VALUES[fitted], LABELS[fitted])
        expected = oracle.predict_proba(VALUES[fold == PARTS]) ** TEMPERATURE
        expected /= expected.sum(axis=1, keepdims=True)
        assert np.allclose(found[fold == PARTS], expected, atol=1e-5)


def test_no_image_influences_predictions_for_its_own_fold():
    folds = np.arange(120) % FOLDS
    before = predicted(VALUES, folds)
    moved = VALUES.copy()
    moved[7] += 100
    same = (before == predicted(moved, folds)).all(axis=1)
    assert same[folds == folds[7]].sum() == 23  # the whole fold but the image itself
    assert not same[folds != folds[7]].any()


def test_images_of_a_negative_fold_are_left_out():
    folds = np.where(np.arange(120) % 7 == 0, -1, np.arange(120) % FOLDS)
    assert np.array_equal(np.isnan(predicted(VALUES, folds)).any(axis=1), folds < 0)
