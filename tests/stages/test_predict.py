import json
import math
from dataclasses import replace

import pytest

from classifier import head
from classifier.common import files
from classifier.dataset import features
from classifier.evaluation.predictions import Decision
from stages import predict
from tests.project import COLOURS

pytestmark = pytest.mark.slow


def test_predictions_are_those_of_the_head_on_the_features(finished):
    results = finished.folder / "results"
    table = features.read(results / features.TEST.name)
    probabilities = head.read(finished.folder / head.FOLDER).probabilities(table.features[:])
    rows = files.read_csv(results / "predictions.csv")
    assert [row["path"] for row in rows] == table.paths[:].tolist()
    for row, expected in zip(rows, probabilities, strict=True):
        assert row["class_1"] == sorted(COLOURS)[int(row["predicted_index"])]
        assert float(row["probability"]) == pytest.approx(expected.max(), abs=1e-6)
        listed = [float(row[f"probability{suffix}"]) for suffix in ("", "_2", "_3")]
        assert sum(listed) == pytest.approx(1, abs=2e-6)


def test_predictions_of_blocks_in_any_order_are_in_path_order(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "BLOCK", 2)
    results, model = finished.folder / "results", head.read(finished.folder / head.FOLDER)
    table, order = features.read(results / features.TEST.name), [2, 0, 1]
    columns = {n: getattr(table, n)[:][order] for n in ("features", "paths", "labels", "views")}
    with (tmp_path / "listed").open("w+b") as file:
        found = predict.predict(model, replace(table, **columns), [], 3, file)
        decision = Decision(math.inf, 0.0)
        rows = [list(map(str, row)) for row in predict.rows(found, sorted(COLOURS), decision)]
    assert rows == list(files.iter_rows(results / "predictions.csv"))


def test_the_head_has_the_class_names_in_order(finished):
    info = json.loads((finished.folder / "models" / "head" / "head.json").read_text())
    assert info["class_names"] == sorted(COLOURS)
