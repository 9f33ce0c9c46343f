import numpy as np

from stages.inspect import confident_learning

CHANCES = np.array([[0.9, 0.1], [0.7, 0.3], [0.1, 0.9], [0.45, 0.55], [0.05, 0.95]])
LABELS = np.array([0, 0, 0, 0, 1])


def test_a_class_expects_what_its_own_images_have_on_average():
    judged = [(np.array([0, 4]), CHANCES[[0, 4]]), (np.array([1, 2, 3]), CHANCES[1:4])]
    found = confident_learning.thresholds(judged, LABELS, 2)
    assert np.allclose(found, [(0.9 + 0.7 + 0.1 + 0.45) / 4, confident_learning.SURE])


def test_a_label_is_doubted_where_another_class_is_confident():
    found = confident_learning.doubted(CHANCES, LABELS, np.array([0.5, 0.8]))
    assert found.tolist() == [False, False, True, False, False]


def test_of_several_confident_classes_the_most_probable_counts():
    chances = np.array([[0.3, 0.3, 0.4], [0.4, 0.35, 0.25], [0.2, 0.2, 0.2]])
    found = confident_learning.doubted(chances, np.array([0, 0, 0]), np.full(3, 0.3))
    assert found.tolist() == [True, False, False]
