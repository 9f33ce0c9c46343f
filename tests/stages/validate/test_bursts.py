from classifier.dataset.manifest import ImageRow
from classifier.images.capture import Capture
from stages.validate.bursts import Bursts

ROW = ImageRow("a", "train", "cat", 64 * "0", 9, 9, "JPEG")
NOON = 1_714_564_800.0  # 2024-05-01 12:00:00
NAME = "exif: 2024-05-01 12:00:0"


def groups(*images, gap=10):
    """Returns the groups of images, each given by its seconds after noon, camera and row."""
    bursts = Bursts(gap)
    for seconds, camera, row in images:
        bursts.add(row, seconds if seconds is None else Capture(NOON + seconds, camera))
    found = bursts.groups()
    names = {number: found.name(number) for number in range(len(images))}
    groups = {number: name for number, name in names.items() if name}
    assert (len(found), found.n_images) == (len(set(groups.values())), len(groups))
    return groups


def test_images_that_follow_each_other_closely_are_one_group():
    times = (5, 15, 0, 25.5, 40, None)  # 25.5 is more than 10 seconds after 15
    assert groups(*((time, "Canon", ROW) for time in times)) == dict.fromkeys(
        (0, 1, 2), f"{NAME}0 Canon"
    )


def test_a_camera_has_its_own_groups_and_classes_share_them():
    images = [(1, "Canon", ROW), (2, "", ROW), (3, "", ROW._replace(label="dog"))]
    assert groups(*images) == dict.fromkeys((1, 2), f"{NAME}2")


def test_only_training_images_that_are_in_no_group_of_the_list_are_grouped():
    others = [{"group": "patient 1"}, {"split": "validation"}, {"split": "test"}]
    images = [(1, "", ROW._replace(**other)) for other in others]
    assert groups(*images, *images, (1, "", ROW)) == {}


def test_0_seconds_make_no_groups():
    assert groups((1, "", ROW), (1, "", ROW), gap=0) == {}
