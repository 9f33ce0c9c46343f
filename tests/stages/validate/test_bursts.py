import numpy as np
import pytest

from classifier.common import records
from classifier.common.scratch import Scratch
from classifier.dataset.manifest import ImageRow
from classifier.images.capture import Capture
from stages.validate import bursts, external_sort
from stages.validate.bursts import Bursts

ROW = ImageRow("a", "train", "cat", 64 * "0", 9, 9, "JPEG")
NOON = 1_714_564_800.0  # 2024-05-01 12:00:00
NAME = "exif: 2024-05-01 12:00:0"


@pytest.fixture
def groups(tmp_path):
    """Returns the groups of images, each given by its seconds after noon, camera and row."""

    def groups_of(*images, gap=10):
        with Scratch(tmp_path) as scratch:
            times = Bursts(gap, scratch)
            for seconds, camera, row in images:
                times.add(row, seconds if seconds is None else Capture(NOON + seconds, camera))
            found = times.groups()
            names = list(found.of_rows())
        assert len(names) == len(images)
        groups = {number: name for number, name in enumerate(names) if name}
        assert (len(found), found.n_images) == (len(set(groups.values())), len(groups))
        return groups

    return groups_of


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


def grouped(images, gap=10):
    """Returns the groups of images, one after the other in the order of their times."""
    order = sorted(range(len(images)), key=lambda n: (images[n][1], images[n][0], n))
    runs = []
    for number in order:
        seconds, camera, _ = images[number]
        last = images[runs[-1][-1]] if runs else None
        if last and last[1] == camera and seconds - last[0] <= gap:
            runs[-1].append(number)
        else:
            runs.append([number])
    return sorted(sorted(run) for run in runs if len(run) > 1)


@pytest.mark.parametrize("size", [1, 3, 10**6])
@pytest.mark.parametrize("span", [0, 30, 300, 5000])
def test_bursts_do_not_depend_on_how_many_images_are_sorted_at_once(
    size, span, groups, monkeypatch
):
    for module, name, value in (
        (external_sort, "SORTED", size),
        (external_sort, "BLOCK", 7),
        (external_sort, "SAMPLED", 7),
        (records, "BLOCK", 5),
        (bursts, "WAITING", 0),
    ):
        monkeypatch.setattr(module, name, value)
    rng = np.random.default_rng(1)
    cameras = rng.integers(0, 3, 120).tolist()
    images = [(float(rng.integers(0, span + 1)), f"camera {camera}", ROW) for camera in cameras]
    found = groups(*images)
    members = [[n for n in found if found[n] == name] for name in set(found.values())]
    assert sorted(members) == grouped(images)
