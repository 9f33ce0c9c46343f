import numpy as np

from classifier.dataset.groups import listed, numbered


def test_groups_that_come_from_exif_are_not_listed():
    assert listed(["scene", "", "exif: Canon 2017", "exif"]) == ["scene", "", "", "exif"]


def test_groups_are_numbered_in_the_order_of_their_names():
    groups = np.array(["scene", "", "exif: Canon", "garden", "scene"])
    names, numbers = numbered(groups, np.array([0, 1, 3, 4]))
    assert names == ["garden", "scene"] and numbers.tolist() == [1, -1, 0, 1]


def test_without_groups_no_row_has_a_number():
    names, numbers = numbered(np.array(["", ""]), np.arange(2))
    assert names == [] and numbers.tolist() == [-1, -1]
