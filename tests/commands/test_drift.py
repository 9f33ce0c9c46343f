import sys
from dataclasses import fields

import numpy as np
import pytest

from classifier.commands import drift as command
from classifier.common.errors import StageError
from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation import drift
from classifier.evaluation.drift import Tally

NAMES = ["cat", "dog"]


@pytest.fixture
def reference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    numbers, rng = np.arange(400), np.random.default_rng(1)
    cats = numbers % 4 > 0
    arrays = {one.name: np.zeros(0) for one in fields(ValidationPredictions)} | {
        "class_names": np.array(NAMES),
        "probabilities": np.stack([0.3 + 0.4 * cats, 0.7 - 0.4 * cats], axis=1),
        "novelty": rng.normal(size=400).astype(np.float32),
    }
    validation_predictions.write(validation_predictions.PATH, ValidationPredictions(**arrays))
    return command.reference(NAMES, 2.0)


def test_the_reference_is_the_training_set_as_predicted_by_others(reference):
    assert reference.class_counts.tolist() == [300, 100]
    assert 0 < reference.unknown < 20 and np.all(np.diff(reference.novelty) >= 0)


def test_predictions_of_other_classes_are_an_error(reference):
    with pytest.raises(StageError, match=r"other classes than models/head; run `dvc repro`"):
        command.reference(["cat", "cow"], 2.0)


def test_the_sentence_tells_what_has_changed(reference):
    tally = Tally(reference, 2.0)
    for _ in range(200):
        tally.add(1, 4.0)
    found = drift.measures(tally, NAMES, 0.05)
    text = command.sentence(found, 200)
    assert text.startswith("drift: the 200 images differ from those trained on: 100% are unknown,")
    assert "100% are predicted as dog, where 25% were expected" in text
    assert [line.endswith("  drift") for line in command.lines(found)] == [False] + 4 * [True]


def test_without_drift_it_tells_what_would_have_been_seen(reference):
    tally = Tally(reference, 2.0)
    for number, novelty in enumerate(reference.novelty[::4]):
        tally.add(int(number % 4 == 0), novelty)
    text = command.sentence(drift.measures(tally, NAMES, 0.05), 100)
    assert text.startswith("drift: none found in 100 images: changes of more than about")


@pytest.mark.slow
def test_the_training_images_themselves_are_no_drift(project):
    done = project.shell(sys.executable, "-m", "classifier", "drift", "input/train")
    *table, line = done.stdout.splitlines()
    assert [row.split()[0] for row in table[1:2]] == ["unknown"] and len(table) == 6
    assert line.startswith("drift: none found in 18 images: changes of more than about")


@pytest.mark.slow
def test_few_images_tell_nothing(project):
    done = project.shell(sys.executable, "-m", "classifier", "drift", "input/test", ok=False)
    assert done.returncode == 1
    assert done.stderr == "error: drift: needs 10 images or more; got 3: give more\n"
