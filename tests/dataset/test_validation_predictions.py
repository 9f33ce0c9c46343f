import numpy as np

from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions


def test_predictions_are_read_back(tmp_path):
    predictions = ValidationPredictions(
        paths=np.array(["input/train/a/é.jpg", "input/train/b/2.jpg"]),
        labels=np.array([0, 1], np.int32),
        class_names=np.array(["a", "b"]),
        probabilities=np.array([[0.75, 0.25], [0.5, 0.5]], np.float32),
        folds=np.array([2, 1], np.int32),
        groups=np.array([0, 0], np.int32),
        random_correct=np.zeros(0, bool),
        novelty=np.array([1, np.nan], np.float32),
        curve_images=np.array([4, 8], np.int32),
        curve_correct=np.array([[np.nan, 1], [0.5, 1]], np.float32),
    )
    validation_predictions.write(tmp_path / "predictions.npz", predictions)
    read = validation_predictions.read(tmp_path / "predictions.npz")
    for name, array in vars(predictions).items():
        assert np.array_equal(getattr(read, name), array, equal_nan=array.dtype.kind == "f")
