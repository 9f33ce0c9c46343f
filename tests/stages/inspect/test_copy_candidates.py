import tracemalloc

import pytest

from classifier.common.scratch import Scratch
from classifier.dataset.manifest import ImageRow
from stages.inspect import copy_candidates
from stages.inspect.copy_candidates import CopyCandidates


def image(path: str, split: str = "train", label: str = "a") -> ImageRow:
    return ImageRow(path, split, label, path[-1] * 64, 640, 480, "JPEG", "scene", "grey")


IMAGES = [
    (5, image("1")),
    (7, image("2")),
    (5, image("3", "test", "")),
    (5, image("4", "train", "b")),
    (5, image("5")),  # split and label of the first
    (7, image("6", "test", "")),
]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_first_image_of_each_split_and_label_stands_for_a_content(batch, tmp_path, monkeypatch):
    monkeypatch.setattr(copy_candidates, "BATCH", batch)
    with Scratch(tmp_path) as scratch:
        candidates = CopyCandidates(iter(IMAGES), scratch)
        assert list(candidates) == IMAGES
        assert candidates.first_images(5) == [IMAGES[place][1] for place in (0, 2, 3)]
        assert candidates.first_images(6) == []
        assert (candidates.last_image(5), candidates.last_image(7)) == (image("5"), IMAGES[5][1])


def test_there_may_be_none(tmp_path):
    with Scratch(tmp_path) as scratch:
        assert list(CopyCandidates([], scratch)) == []


def test_many_images_take_no_more_memory_than_few(tmp_path):
    peaks = []
    for count in (10_000, 40_000):
        tracemalloc.start()
        with Scratch(tmp_path) as scratch:
            images = ((number, image(f"{number:06}")) for number in range(count))
            candidates = CopyCandidates(images, scratch)
            assert all(candidates.first_images(number) == [row] for number, row in candidates)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000
