import numpy as np
import pytest

from classifier.common.scratch import Scratch
from classifier.dataset.manifest import ImageRow
from classifier.images.capture import Capture
from stages.validate import external_sort
from stages.validate.bursts import Bursts

ROW = ImageRow("a", "train", "cat", 64 * "0", 9, 9, "JPEG")
NOON = 1_714_564_800.0  # 2024-05-01 12:00:00
NAME = "exif: 2024-05-01 12:00:0"


@pytest.fixture
def groups(tmp_path):
    """Returns the groups of images, each given by its seconds after noon, camera and row."""

    def found(*images, gap=10):
        with Scratch(tmp_path) as scratch:
            bursts = Bursts(gap, scratch)
            for seconds, camera, row in images:
                bursts.add(row, seconds if seconds is None else Capture(NOON + seconds, camera))
            found = bursts.groups()
            names = list(found.of_rows())
        assert len(names) == len(images)
        groups = {number: name for number, name in enumerate(names) if name}
        assert (len(found), found.n_images) == (len(set(groups.values())), len(groups))
        return groups

    return found


def test_images_that_follow_each_other_closely_are_one_group(groups):
    times = (5, 15, 0, 25.5, 40, None)  # 25.5 is more than 10 seconds after 15
    assert groups(*((time, "Canon", ROW) for time in times)) == dict.fromkeys(
        (0, 1, 2), f"{NAME}0 Canon"
    )


def test_a_camera_has_its_own_groups_and_classes_share_them(groups):
    images = [(1, "Canon", ROW), (2, "", ROW), (3, "", ROW._replace(label="dog"))]
    assert groups(*images) == dict.fromkeys((1, 2), f"{NAME}2")


def test_only_training_images_that_are_in_no_group_of_the_list_are_grouped(groups):
    others = [{"group": "patient 1"}, {"split": "validation"}, {"split": "test"}]
    images = [(1, "", ROW._replace(**other)) for other in others]
    assert groups(*images, *images, (1, "", ROW)) == {}


def test_0_seconds_make_no_groups(groups):
    assert groups((1, "", ROW), (1, "", ROW), gap=0) == {}


@pytest.mark.parametrize("size", [1, 3, 10**6])
def test_bursts_do_not_depend_on_how_many_images_are_sorted_at_once(size, groups, monkeypatch):
    monkeypatch.setattr(external_sort, "SORTED", size)
    monkeypatch.setattr(external_sort, "BLOCK", 7)
    monkeypatch.setattr(external_sort, "SAMPLED", 7)
    rng = np.random.default_rng(1)
    starts = rng.permutation(30) * 60.0
    images = [(start + 9 * n, f"camera {start % 7}", ROW) for start in starts for n in range(4)]
    images = [images[number] for number in rng.permutation(120)]
    found = groups(*images)
    for number, (seconds, camera, _) in enumerate(images):
        start = seconds // 60 * 60
        minute, second = divmod(int(start), 60)
        assert found[number] == f"exif: 2024-05-01 12:{minute:02}:{second:02} {camera}"
