from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from classifier.discriminant import Coordinates
from classifier.head import softmax
from stages.train.cross_validation import Samples
from stages.train.logistic import Logistic
from tests.stages.train.samples import clusters


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 5)])
def test_it_is_scikit_learns(weights):
    table = clusters()
    rows, folds = np.arange(160), np.arange(160) % 4 + 1
    coordinates = Coordinates.of(table.features, rows, slice(None), 1)
    samples = Samples(rows[:, None], table.labels, folds, np.ones(160, bool), np.array(weights))
    with ThreadPoolExecutor(1) as pool:
        model = Logistic(coordinates, samples, pool)
    centred = table.features - table.features.mean(axis=0)
    scaled = centred / np.sqrt(np.mean(centred**2))
    for fold, strength in ((0, 1.0), (3, 1.0), (3, 0.01)):
        kept = folds != fold
        theirs = LogisticRegression(C=strength, class_weight=dict(enumerate(weights)))
        theirs.fit(scaled[kept], table.labels[kept])
        ours = softmax(coordinates.logits(rows, model.fit(fold, strength)))
        assert ours == pytest.approx(theirs.predict_proba(scaled), abs=1e-2)
