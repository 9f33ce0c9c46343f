import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import Selected, ValidationPredictions


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
        curve_rows=np.array([0, 1], np.int32),
        curve_correct=np.array([[np.nan, 1], [0.5, 1]], np.float32),
    )
    validation_predictions.write(tmp_path / "predictions.npz", predictions)
    read = validation_predictions.read(tmp_path / "predictions.npz")
    for name, array in vars(predictions).items():
        assert np.array_equal(getattr(read, name)[:], array, equal_nan=array.dtype.kind == "f")
    assert read.accuracy == 0.5


@pytest.mark.parametrize("missing", ["curve_rows", "folds"])
def test_a_file_of_another_version_is_an_error_with_its_remedy(missing, tmp_path):
    names = set(ValidationPredictions.__dataclass_fields__) - {missing}
    np.savez(tmp_path / "old.npz", **{name: np.zeros(0) for name in names})
    with pytest.raises(StageError, match=f"old.npz: must be as .*{missing}.*: run `dvc repro`"):
        validation_predictions.read(tmp_path / "old.npz")


def test_arrays_on_disk_are_written_in_another_order_and_type(tmp_path, monkeypatch):
    monkeypatch.setattr(validation_predictions, "BLOCK", 3)
    values = np.memmap(tmp_path / "values", np.float64, "w+", shape=(8, 2))
    values[:, 0] = np.arange(8) / 8
    order = np.array([7, 0, 3, 5, 1])
    arrays = {name: np.zeros(0) for name in ValidationPredictions.__dataclass_fields__}
    arrays["probabilities"] = Selected(values, order, np.dtype(np.float32))
    validation_predictions.write(tmp_path / "a.npz", ValidationPredictions(**arrays))
    arrays["probabilities"] = values[order].astype(np.float32)
    np.savez(tmp_path / "b.npz", **arrays)
    one, other = (validation_predictions.read(tmp_path / f"{name}.npz") for name in "ab")
    assert np.array_equal(one.probabilities[:], other.probabilities[:])
    assert [array[block].shape for array in [one.probabilities] for block in one.blocks()] == [
        (3, 2),
        (2, 2),
    ]
