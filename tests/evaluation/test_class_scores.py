import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from classifier.evaluation import class_scores, scored_images
from tests.evaluation.cases import NAMES, random_case


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_class_rows_are_scikit_learns(seed, count):
    probabilities, labels = random_case(seed, count)
    rows = class_scores.rows(scored_images.score(probabilities, labels, NAMES))
    predicted, present = probabilities.argmax(axis=1), [NAMES.index(row[0]) for row in rows]
    theirs = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=present, zero_division=np.nan
    )
    for row, precision, recall, f1, support in zip(rows, *theirs, strict=True):
        assert row[1] == support
        assert float(row[4] or np.nan) == pytest.approx(recall, abs=1e-4, nan_ok=True)
        assert float(row[7] or np.nan) == pytest.approx(precision, abs=1e-4, nan_ok=True)
        assert float(row[8]) == pytest.approx(np.nan_to_num(f1), abs=1e-4)
