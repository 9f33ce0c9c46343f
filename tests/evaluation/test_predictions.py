import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.dataset.problems import Problem
from classifier.evaluation import predictions

NAMES = ("ant", "bee", "cat")


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 1000))
def test_the_top_classes_are_the_most_probable_in_order(classes, k, seed):
    probabilities = np.random.default_rng(seed).integers(0, 4, (5, classes)) / 10
    order = predictions.top_classes(probabilities, k)
    assert order.shape == (5, min(k, classes))
    for row, chosen in zip(probabilities, order, strict=True):
        expected = sorted(range(classes), key=lambda index: (-row[index], index))
        assert chosen.tolist() == expected[:k]


def test_the_table_has_every_file_in_path_order():
    skipped = [Problem("input/test/b.jpg", "truncated", "ends early", "skipped")]
    images = [
        ("input/test/a.jpg", [0, 2], [0.4, 0.4], math.nan),
        ("input/test/c.jpg", [1, 2], [0.5, 0.3], 2.5),
    ]
    decision = predictions.Decision(2, 0.4)
    rows = (predictions.prediction_row(*image, NAMES, decision) for image in images)
    assert list(predictions.with_skipped(rows, skipped, 2)) == [
        ["input/test/a.jpg", "ok", "ant", "0.400000", "", "ant", "cat", "0.400000", 0],
        ["input/test/b.jpg", "truncated", "", "", "", "", "", "", ""],
        ["input/test/c.jpg", "ok", "unknown", "0.500000", "2.500", "bee", "cat", "0.300000", 1],
    ]


def test_novelty_above_the_threshold_is_unknown_and_a_low_probability_uncertain():
    decision = predictions.Decision(threshold=2, min_probability=0.5)
    assert decision.predicted("ant", 0.9, 2.0) == "ant"
    assert decision.predicted("ant", 0.9, 2.1) == "unknown"
    assert decision.predicted("ant", 0.4, 2.1) == "unknown"
    assert decision.predicted("ant", 0.4, 0.0) == "uncertain"


def test_a_class_may_be_named_unknown():
    assert predictions.is_unknown({"predicted": "unknown", "class_1": "ant"})
    assert not predictions.is_unknown({"predicted": "unknown", "class_1": "unknown"})


@pytest.mark.parametrize("count", [1, 3])
def test_the_columns_are_as_documented(count):
    more = ["class_2", "probability_2", "class_3", "probability_3"][: 2 * count - 2]
    first = ["path", "status", "predicted", "probability", "novelty", "class_1"]
    expected = [*first, *more, "predicted_index"]
    assert predictions.header(count) == expected
