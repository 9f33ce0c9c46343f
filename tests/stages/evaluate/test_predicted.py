import numpy as np

from classifier.common import files
from classifier.dataset import similarity
from classifier.evaluation import scored_images
from classifier.evaluation.scored_images import ScoredImages
from stages.evaluate import predicted

HEADER = ("path", "status", "predicted", "probability", "novelty", "class_1")


def test_what_is_known_of_each_test_image_comes_from_three_tables(tmp_path):
    predictions, scored, similarities = (tmp_path / name for name in "abc")
    rows = [
        ("1", "ok", "ant", "0.9", "", "ant"),
        ("2", "truncated", "", "", "", ""),
        ("3", "ok", "unknown", "0.8", "4.5", "bee"),
        ("4", "ok", "bee", "0.7", "0.5", "bee"),
    ]
    files.write_csv(predictions, HEADER, rows)
    names, numbers = np.array(["ant", "bee"], object), np.array([0.9, 0.8])
    images = ScoredImages(names, np.arange(2), np.array([1, 0]), numbers, numbers, np.array([2, 1]))
    scored_images.write(scored, ["1", "4"], images)
    similarity.write(similarities, ["0", "3", "4"], np.array([0.1, 0.3, 0.4]))
    found = predicted.read(predictions, scored, similarities, {"4"})
    assert np.array_equal(found.correct, [0, np.nan, 1], equal_nan=True)
    assert np.array_equal(found.similarity, np.float32([np.nan, 0.3, 0.4]), equal_nan=True)
    assert np.array_equal(found.novelty, [np.nan, 4.5, 0.5], equal_nan=True)
    assert found.unknown.tolist() == [False, True, False] and found.copied.tolist() == [0, 0, 1]
    assert found.select(~found.copied).labelled.tolist() == [True, False]
