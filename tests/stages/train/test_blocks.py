import numpy as np

from stages.train import blocks


def test_each_image_of_a_group_comes_once_and_blocks_come_in_order(monkeypatch):
    monkeypatch.setattr(blocks, "SIZE", 4)
    groups = np.array([1, 0, -1, 1, 0, 0, 1, 1, 1])
    found = [(group, images.tolist()) for group, images in blocks.by_group(groups)]
    assert found == [(0, [1]), (1, [0, 3]), (0, [4, 5]), (1, [6, 7]), (1, [8])]
