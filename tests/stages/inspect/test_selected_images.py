import numpy as np

from classifier.dataset import manifest, orders
from classifier.dataset.manifest import ImageRow
from stages.inspect.selected_images import is_in, select_images
from tests.project import write_images_csv

CONTENTS = np.array([2, 0, 1, 2, 3, 0, 2])


def test_images_are_selected_by_their_contents_in_path_order(inside, monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", 3)
    rows = [ImageRow(f"input/train/a/{n}", "train", "a", "", 1, 1, "PNG") for n in range(7)]
    write_images_csv(manifest.PATH, rows)
    selected = is_in(5, np.array([2]), np.array([3, 4]))
    assert selected.tolist() == [False, False, True, True, True]
    found = list(select_images(manifest.PATH, CONTENTS, selected))
    assert found == [(2, rows[0]), (2, rows[3]), (3, rows[4]), (2, rows[6])]
    assert list(select_images(manifest.PATH, CONTENTS, is_in(5))) == []
