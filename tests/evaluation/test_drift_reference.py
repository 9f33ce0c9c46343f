from dataclasses import fields

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation import drift_reference
from classifier.evaluation.drift import Tally

NAMES = ("cat", "dog")


def validated(images: int) -> ValidationPredictions:
    cats = np.arange(images) % 4 > 0
    arrays = {one.name: np.zeros(0) for one in fields(ValidationPredictions)} | {
        "class_names": np.array(NAMES),
        "probabilities": np.stack([0.3 + 0.4 * cats, 0.7 - 0.4 * cats], axis=1),
        "novelty": np.random.default_rng(1).normal(size=images).astype(np.float32),
    }
    return ValidationPredictions(**arrays)


def test_it_is_the_training_set_as_predicted_by_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(validation_predictions, "BLOCK", 33)
    with pytest.raises(StageError, match="there is no such file; run `dvc repro`"):
        drift_reference.of_project(NAMES, 2.0)
    validation_predictions.write(validation_predictions.PATH, validated(400))
    reference = drift_reference.of_project(NAMES, 2.0)
    assert reference.class_counts.tolist() == [300, 100] and reference.images == 400
    assert reference.novelty.tolist() == sorted(validated(400).novelty.tolist())
    assert reference.unknown == int((reference.novelty > 2).sum()) > 0
    with pytest.raises(StageError, match=r"other classes than models/head; run `dvc repro`"):
        drift_reference.of_project(("cat", "cow"), 2.0)


def test_what_is_written_is_read(tmp_path):
    reference = drift_reference.of(validated(400), np.inf)
    drift_reference.write(tmp_path, reference)
    read = drift_reference.read(tmp_path)
    for name, value in vars(reference).items():
        assert np.array_equal(getattr(read, name), value)
    (tmp_path / drift_reference.NAME).write_text('{"images": 3}')
    with pytest.raises(StageError, match="of another version of this project; run `dvc repro`"):
        drift_reference.read(tmp_path)


def test_quantiles_of_many_images_stand_for_all_of_them():
    images = validated(20_000)
    tally = Tally(drift_reference.of(images, np.inf), np.inf)
    for novelty in (-3.0, 0.0, 2.5):
        tally.ranks = 0.0
        tally.add(0, novelty)
        assert tally.ranks == pytest.approx((images.novelty < novelty).mean(), abs=0.001)
    assert len(tally.reference.novelty) == drift_reference.VALUES
