import dataclasses
import threading
import time
from contextlib import closing
from multiprocessing import resource_tracker

import numpy as np
import psutil
import pytest
from PIL import Image

from classifier.images import decode
from classifier.images.grey_levels import Range
from classifier.images.limits import Limits
from classifier.serving import inputs
from classifier.serving.inputs import ImageSource
from classifier.serving.loader import ImageLoader
from tests.hostile import scan_bomb, webp_bomb
from tests.project import draw

LIMITS = Limits(max_megapixels=50, max_megabytes=10, decode_timeout=2)


@pytest.fixture(scope="module")
def loader():
    with closing(ImageLoader(75, 90, LIMITS, {})) as loader:
        yield loader


@pytest.fixture
def bomb(tmp_path):
    (tmp_path / "bomb.jpg").write_bytes(scan_bomb(2000, 3000))
    return ImageSource(str(tmp_path / "bomb.jpg"))


def test_an_image_has_the_pixels_that_it_has_in_the_pipeline(loader, tmp_path):
    path = draw(tmp_path / "a.jpg", "cross", 1)
    image = loader.load(ImageSource("name", path))
    pixels = decode.decode_image(path.read_bytes(), 75, 90).pixels
    assert image.path == "name" and np.array_equal(image.decoded.pixels, pixels)


def test_a_bomb_is_too_slow_and_others_are_loaded_meanwhile(loader, bomb, tmp_path):
    path, found = draw(tmp_path / "a.jpg", "cross", 1), []
    thread = threading.Thread(target=lambda: found.append(loader.load(bomb)))
    thread.start()
    for _ in range(10):
        assert loader.load(ImageSource(str(path))).decoded
    assert not found
    thread.join()
    assert (found[0].problem, found[0].detail) == ("too_slow", "took more than 2 seconds")


def test_a_large_image_is_loaded_by_the_patient_worker(tmp_path):
    Image.new("1", (5100, 5000)).save(tmp_path / "a.png")
    limits = dataclasses.replace(LIMITS, decode_timeout=30)
    with closing(ImageLoader(75, 90, limits, {})) as loader:
        image = loader.load(ImageSource(str(tmp_path / "a.png")))
    assert (image.problem, image.decoded.width) == ("", 5100)


def test_an_image_above_the_limits_is_too_large(tmp_path):
    path = draw(tmp_path / "a.png", "cross", 1)
    limits = dataclasses.replace(LIMITS, max_megapixels=0.01)
    with closing(ImageLoader(75, 90, limits, {})) as loader:
        assert loader.load(ImageSource(str(path))).problem == "too_large"


def test_a_few_bytes_that_take_gigabytes_are_too_large(tmp_path):
    (tmp_path / "a.webp").write_bytes(webp_bomb(6900, 6900))
    with closing(ImageLoader(75, 90, LIMITS, {}, memory=5e8)) as loader:
        image = loader.load(ImageSource(str(tmp_path / "a.webp")))
    rule = "takes about 762 MB of memory to decode, more than 500"
    assert (image.problem, image.detail) == ("too_large", rule)


def test_a_stream_is_kept_in_a_file_up_to_the_limit(tmp_path):
    limits = dataclasses.replace(LIMITS, max_megabytes=1)
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    with (tmp_path / "a").open("rb") as stream, inputs.spooled(stream, limits) as path:
        assert path.stat().st_size == 1_000_001
        assert inputs.load(ImageSource("-", path), 75, 75, limits, {}).problem == "too_large"
    assert not path.exists()


def test_a_thumbnail_of_a_missing_file_is_empty(loader, tmp_path):
    assert loader.thumbnail(str(tmp_path / "gone.jpg")) == ""
    path = draw(tmp_path / "a.jpg", "cross", 1)
    assert loader.thumbnail(str(path)).startswith("data:image/webp")


def test_closing_ends_all_workers(bomb):
    resource_tracker.ensure_running()  # a process that Python starts once, and keeps
    before = set(psutil.Process().children())
    loader = ImageLoader(75, 90, LIMITS, {})
    thread = threading.Thread(target=loader.load, args=(bomb,))
    thread.start()
    time.sleep(0.5)
    loader.close()
    thread.join(timeout=5)
    assert not thread.is_alive() and set(psutil.Process().children()) <= before


def test_a_depth_that_was_not_trained_on_is_told(tmp_path):
    Image.fromarray(np.full((90, 90), 999, np.uint16)).save(tmp_path / "deep.png")
    source = ImageSource(str(tmp_path / "deep.png"))
    for ranges, unseen, level in (({}, "16-bit", 249), ({"16-bit": Range(0, 4095)}, "", 62)):
        image = inputs.load(source, 75, 75, LIMITS, ranges)
        assert image.unseen_depth == unseen
        assert (image.decoded.pixels == level).all()
