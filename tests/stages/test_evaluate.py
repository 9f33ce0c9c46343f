import csv
import json
import sys

import pytest
from sklearn import metrics

pytestmark = pytest.mark.slow


def rows(project, name):
    with (project.folder / "results" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores(project):
    return json.loads((project.folder / "results" / "metrics.json").read_text())


def test_the_scores_are_of_the_validation_images(finished):
    table = rows(finished, "validation.csv")
    validates = [row["path"] for row in rows(finished, "split.csv") if row["fold"] == "validation"]
    assert [row["path"] for row in table] == validates
    truth, guess = ([row[name] for row in table] for name in ("label", "predicted"))
    found = scores(finished)["validation"]
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess), abs=1e-6)
    assert found["n"] == len(table)


def test_they_are_those_of_the_best_epoch_of_training(finished):
    history = rows(finished, "history.csv")
    best = min(history, key=lambda row: float(row["val_loss"]))
    found = scores(finished)["validation"]
    assert found["log_loss"] == pytest.approx(float(best["val_loss"]), abs=1e-4)
    assert found["accuracy"] == pytest.approx(float(best["val_accuracy"]), abs=1e-4)


def test_names_are_the_contracts(finished):
    names = ["accuracy", "accuracy_low", "accuracy_high", "log_loss", "macro_f1"]
    names += ["top_3_accuracy", "expected_calibration_error", "n"]
    assert list(scores(finished)["validation"]) == names
    assert list(scores(finished)) == ["weights", "validation"]


def test_random_weights_are_said_in_the_scores_and_in_the_output(finished):
    assert scores(finished)["weights"] == "random"
    done = finished.shell(sys.executable, "-m", "stages.evaluate")
    assert done.stdout.endswith("; RANDOM weights, for trying things out only\n")
