import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stages.inspect import lda
from stages.inspect.lda import FOLDS, LDA, SHRINKAGE, TEMPERATURE

RNG = np.random.default_rng(1)
LABELS = np.repeat(np.arange(3), 40)
VALUES = (RNG.normal(0, 2, (3, 5))[LABELS] + RNG.normal(size=(120, 5))).astype(np.float32)


def test_probabilities_are_scikit_learns_softened_by_the_temperature():
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(VALUES, LABELS)
    expected = oracle.predict_proba(VALUES) ** TEMPERATURE
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.allclose(LDA.fit(VALUES, LABELS, 3).predict_proba(VALUES), expected, atol=1e-5)


def out_of_fold(values: np.ndarray, folds: np.ndarray) -> np.ndarray:
    result = np.empty((120, 3))
    models = lda.fit_folds(values, LABELS, folds, 3)
    for rows, probabilities in lda.out_of_fold(models, values, folds):
        result[rows] = probabilities
    return result


def test_no_image_influences_predictions_for_its_own_fold():
    folds = np.arange(120) % FOLDS
    before = out_of_fold(VALUES, folds)
    moved = VALUES.copy()
    moved[7] += 100
    same = (before == out_of_fold(moved, folds)).all(axis=1)
    assert same[folds == folds[7]].sum() == 23  # the whole fold but the image itself
    assert not same[folds != folds[7]].any()


def test_the_chunk_size_changes_no_result(monkeypatch):
    before = LDA.fit(VALUES, LABELS, 3).predict_proba(VALUES)
    monkeypatch.setattr(lda, "CHUNK", 7)
    assert np.allclose(before, LDA.fit(VALUES, LABELS, 3).predict_proba(VALUES))
