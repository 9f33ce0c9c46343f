import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stages.inspect import lda
from stages.inspect.lda import FOLDS, SHRINKAGE, TEMPERATURE

RNG = np.random.default_rng(1)
LABELS = np.repeat(np.arange(3), 40)
VALUES = (RNG.normal(0, 2, (3, 5))[LABELS] + RNG.normal(size=(120, 5))).astype(np.float32)


def test_probabilities_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(lda, "TEMPERATURE", 1.0)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(VALUES, LABELS)
    model = lda.fit(VALUES, LABELS, 3)
    ours = lda.probabilities(model.distances(VALUES))
    assert np.allclose(ours, oracle.predict_proba(VALUES), atol=1e-4)


def test_a_temperature_flattens_them_and_keeps_their_order():
    distances = np.array([[1.0, 3.0, 9.0]])
    found = lda.probabilities(distances)[0]
    expected = np.exp(-TEMPERATURE * distances[0] / 2)
    assert np.allclose(found, expected / expected.sum())


def test_no_image_has_a_say_in_its_own_judgement():
    folds = np.arange(120) % FOLDS
    before = far(VALUES, folds)
    moved = VALUES.copy()
    moved[7] += 100
    after = far(moved, folds)
    same = (before == after).all(axis=1)
    assert same[folds == folds[7]].sum() == 23  # all of its own fold but itself
    assert not same[folds != folds[7]].any()


def far(values: np.ndarray, folds: np.ndarray) -> np.ndarray:
    found = np.empty((120, 3))
    for rows, distances in lda.out_of_fold(values, LABELS, folds, 3):
        found[rows] = distances
    return found


def test_rows_in_any_number_at_once(monkeypatch):
    before = lda.fit(VALUES, LABELS, 3)
    monkeypatch.setattr(lda, "CHUNK", 7)
    after = lda.fit(VALUES, LABELS, 3)
    assert np.allclose(before.distances(VALUES), after.distances(VALUES))
