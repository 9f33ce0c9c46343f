import numpy as np

from classifier.common.scratch import Scratch
from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation.scored_validation import score
from tests.evaluation.cases import NAMES, random_case


def test_images_of_several_blocks_are_scored_in_order(monkeypatch, tmp_path):
    monkeypatch.setattr(validation_predictions, "BLOCK", 33)
    probabilities, labels = random_case(1)
    arrays = {name: np.zeros(0) for name in ValidationPredictions.__dataclass_fields__}
    arrays |= {"probabilities": probabilities, "labels": labels, "class_names": np.array(NAMES)}
    with Scratch(tmp_path) as scratch:
        scored = score(ValidationPredictions(**arrays), scratch)
        assert np.array_equal(scored.predicted[:], probabilities.argmax(axis=1))
        assert np.array_equal(scored.probability[:], probabilities.max(axis=1))
        assert np.array_equal(scored.label[:], labels)
        assert np.array_equal(scored.correct, probabilities.argmax(axis=1) == labels)
