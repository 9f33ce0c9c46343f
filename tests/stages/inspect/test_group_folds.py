import numpy as np

from stages.inspect.group_folds import large_classes, stratified_group_folds
from stages.inspect.lda import FOLDS


def test_classes_need_images_in_enough_groups():
    labels = np.array([2, 2, 2, 0, 0, 0, -1, -1, -1, 1])
    groups = np.array([1, 2, 3, 4, 4, 5, 6, 7, 8, 9])
    found = [large_classes(labels, groups, least).tolist() for least in (1, 2, 3, 4)]
    assert found == [[0, 1, 2], [0, 2], [2], []]


def test_the_groups_of_a_class_are_dealt_out_to_the_folds_in_turn():
    labels = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0])
    groups = np.array([9, 4, 2, 8, 4, 5, 6, 7, 1])
    folds = stratified_group_folds(labels, groups)
    assert folds.tolist() == [1, 2, 1, 0, 2, 3, 4, 0, 0]
    assert FOLDS == 5
