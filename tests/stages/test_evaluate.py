import json
import sys

import numpy as np
import pytest
from sklearn import metrics

from classifier.common import files
from classifier.common.scratch import Scratch
from classifier.dataset import orders, similarity, validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions
from stages.evaluate import stage
from stages.evaluate.predicted import Predicted

pytestmark = pytest.mark.slow


def rows(project, name):
    return files.read_csv(project.folder / "results" / name)


def scores(project):
    return json.loads((project.folder / "results" / "metrics.json").read_text())


def test_the_validation_images_are_scored(finished):
    scored = rows(finished, "scored_validation.csv")
    assert [row["path"] for row in scored] == [row["path"] for row in rows(finished, "split.csv")]
    labels, predicted = ([row[name] for row in scored] for name in ("label", "predicted"))
    values = scores(finished)["validation"]
    assert values["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted), abs=1e-6)
    assert values["n"] == len(scored)


def test_the_metrics_have_the_documented_names(finished):
    names = ["accuracy", "accuracy_low", "accuracy_high", "log_loss", "macro_f1"]
    names += ["top_3_accuracy", "expected_calibration_error"]
    names += ["right_of_100_low", "right_of_100_high", "n"]
    assert list(scores(finished)["validation"]) == [*names, "folds"]
    assert list(scores(finished)) == ["weights", "validation", "estimate", "leaks"]


def test_random_weights_are_marked_in_the_metrics_and_in_the_output(finished):
    assert scores(finished)["weights"] == "random"
    done = finished.shell(sys.executable, "-m", "stages.evaluate")
    assert done.stdout.endswith("; RANDOM weights: a smoke test, not a model\n")


def test_known_images_that_are_unknown_are_counted(finished):
    path = finished.folder / "results" / "validation_predictions.npz"
    validated = validation_predictions.read(path)
    threshold = float(np.median(validated.novelty[:]))
    unknown, correct, rest = np.array([True, False, True]), np.array([0, 1, np.nan]), np.zeros(3)
    tested = Predicted(rest, rest, unknown, correct, rest, unknown)
    values = stage.unknown_metrics(validated, threshold, tested)["unknown"]
    assert values["validation_kept"] == pytest.approx(0.5, abs=0.05)
    assert (values["test"], values["test_kept"]) == (2, 0.5)
    assert stage.unknown_metrics(validated, np.inf, tested) == {}


def test_validation_images_get_the_similarities_of_their_paths(tmp_path, monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", 3)
    paths = [f"{number}.jpg" for number in range(8)]
    similarities = [0.5, float("nan"), 0.25, 1, float("nan"), 0, 0.75, 0.125]
    similarity.write(tmp_path / "similarity.csv", paths, np.array(similarities))
    arrays = dict.fromkeys(ValidationPredictions.__dataclass_fields__, np.zeros(8))
    validated = ValidationPredictions(**{**arrays, "paths": np.array(paths)})
    with Scratch(tmp_path) as scratch:
        found = stage.known_similarities(validated, tmp_path / "similarity.csv", scratch)[:]
    assert np.array_equal(found, np.array(similarities, "f4"), equal_nan=True)
