import sys

import numpy as np
import pytest

from classifier.commands import drift as command
from classifier.evaluation import drift
from classifier.evaluation.drift import Tally
from classifier.evaluation.drift_reference import Reference
from tests.project import Project, copy

NAMES = ["cat", "dog"]


@pytest.fixture
def reference():
    novelty = np.sort(np.random.default_rng(1).normal(size=400))
    return Reference(400, int((novelty > 2).sum()), np.array([300, 100]), novelty)


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
def test_the_training_images_are_no_drift_and_an_exported_classifier_says_the_same(
    finished, tmp_path
):
    arguments = [sys.executable, "-m", "classifier", "drift", str(finished.folder / "input/train")]
    of_project = finished.shell(*arguments, "--cache", str(tmp_path / "cache")).stdout
    *table, line = of_project.splitlines()
    assert [row.split()[0] for row in table[1:2]] == ["unknown"] and len(table) == 6
    assert line.startswith("drift: none found in 18 images: changes of more than about")
    for path in ("classifier", "models/exported"):
        copy(Project(finished.folder / path), tmp_path / path)
    alone = Project(tmp_path).shell(*arguments, "--model", "models/exported").stdout
    assert alone == of_project


@pytest.mark.slow
def test_few_images_tell_nothing(project):
    done = project.shell(sys.executable, "-m", "classifier", "drift", "input/test", ok=False)
    assert done.returncode == 1
    assert done.stderr == "error: drift: needs 10 images or more; got 3: give more\n"
