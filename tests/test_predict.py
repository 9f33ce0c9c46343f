import csv
import json

import numpy as np
import pytest
from conftest import COLOURS
from hypothesis import given
from hypothesis import strategies as st

from stages import features, head, predict
from stages.problems import Problem

PROBABILITIES = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
NAMES = ("ant", "bee", "cat")


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 1000))
def test_the_top_classes_are_the_most_probable_ones(classes, k, seed):
    probabilities = np.random.default_rng(seed).integers(0, 4, (5, classes)) / 10
    top = predict.top_classes(probabilities, k)
    assert top.shape == (5, min(k, classes))
    for row, chosen in zip(probabilities, top, strict=True):
        expected = sorted(range(classes), key=lambda index: (-row[index], index))
        assert chosen.tolist() == expected[:k]


def test_a_row_per_file_in_path_order_with_reasons():
    skipped = [Problem("input/test/b.jpg", "truncated", "ends early", "skipped")]
    rows = predict.table(["input/test/c.jpg", "input/test/a.jpg"], PROBABILITIES, skipped, NAMES, 2)
    assert rows == [
        ["input/test/a.jpg", "ok", "ant", "0.400000", "cat", "0.400000", 0],
        ["input/test/b.jpg", "truncated", "", "", "", "", ""],
        ["input/test/c.jpg", "ok", "bee", "0.500000", "cat", "0.300000", 1],
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_columns_are_the_contracts(count):
    more = ["class_2", "probability_2", "class_3", "probability_3"][: 2 * count - 2]
    expected = ["path", "status", "predicted", "probability", *more, "predicted_index"]
    assert predict.header(count) == expected


@pytest.mark.slow
def test_predictions_are_the_heads_on_the_features(finished):
    results = finished.folder / "results"
    model = head.read(finished.folder / "models" / "head")
    table = features.read(results / "test.npz")
    probabilities = model.probabilities(table.features[:])
    with (results / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == table.paths.tolist()
    for row, expected in zip(rows, probabilities, strict=True):
        assert row["predicted"] == sorted(COLOURS)[int(row["predicted_index"])]
        assert float(row["probability"]) == pytest.approx(expected.max(), abs=1e-6)
        listed = [float(row[f"probability{place}"]) for place in ("", "_2", "_3")]
        assert sum(listed) == pytest.approx(1, abs=2e-6)


@pytest.mark.slow
def test_the_classes_and_their_order_are_with_the_head(finished):
    about = json.loads((finished.folder / "models" / "head" / "head.json").read_text())
    assert about["class_names"] == sorted(COLOURS)
