import numpy as np

from classifier.evaluation import calibration, scored_images
from tests.evaluation.cases import NAMES


def test_calibration_rows_are_means_over_bins():
    probabilities = np.array([[0.95, 0.05], [0.91, 0.09], [0.55, 0.45], [1.0, 0.0]])
    rows = calibration.rows(scored_images.score(probabilities, np.array([0, 1, 0, 0]), NAMES[:2]))
    assert rows == [["0.5500", "1.0000", 1], ["0.9533", "0.6667", 3]]
