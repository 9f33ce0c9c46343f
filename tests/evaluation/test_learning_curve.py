import numpy as np

from classifier.evaluation import learning_curve
from classifier.evaluation.intervals import wilson
from classifier.evaluation.learning_curve import Point


def test_numbers_of_images_that_were_tried_are_points():
    correct = np.array([[np.nan, 0.5, 1], [np.nan, 0, 1], [np.nan, 1, 1], [np.nan, 0.5, 1]])
    found = learning_curve.points(np.array([1, 4, 8]), correct, np.arange(4))
    assert found == [Point(4, 0.5, *wilson(2, 4)), Point(8, 1, *wilson(4, 4))]


def test_the_file_is_read_back(tmp_path):
    curve = [Point(4, 0.5, 0.25, 0.75), Point(8, 0.9, 0.8, 0.95)]
    learning_curve.write(tmp_path / "curve.csv", curve)
    assert learning_curve.read(tmp_path / "curve.csv") == curve
