import numpy as np

from stages.inspect import confident_learning

PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.1, 0.9], [0.45, 0.55], [0.05, 0.95]])
LABELS = np.array([0, 0, 0, 0, 1])


def test_a_threshold_is_the_mean_probability_of_the_class_for_its_own_images():
    predictions = [
        (np.array([0, 4]), PROBABILITIES[[0, 4]]),
        (np.array([1, 2, 3]), PROBABILITIES[1:4]),
    ]
    result = confident_learning.thresholds(predictions, LABELS, 2)
    assert np.allclose(result, [(0.9 + 0.7 + 0.1 + 0.45) / 4, confident_learning.MAX_THRESHOLD])


def test_a_label_is_an_error_where_another_class_is_confident():
    result = confident_learning.is_error(PROBABILITIES, LABELS, np.array([0.5, 0.8]))
    assert result.tolist() == [False, False, True, False, False]


def test_among_several_confident_classes_the_most_probable_counts():
    probabilities = np.array([[0.3, 0.3, 0.4], [0.4, 0.35, 0.25], [0.2, 0.2, 0.2]])
    result = confident_learning.is_error(probabilities, np.array([0, 0, 0]), np.full(3, 0.3))
    assert result.tolist() == [True, False, False]
