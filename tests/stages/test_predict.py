import csv
import json

import pytest

from classifier import head
from classifier.dataset import features
from tests.project import COLOURS


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
