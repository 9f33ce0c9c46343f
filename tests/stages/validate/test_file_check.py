"""Hostile files, imitated by objects that misbehave in the worker they are sent to."""

import ctypes
import dataclasses
import hashlib
import io
import multiprocessing
import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from classifier.common import objects
from classifier.common.objects import Version
from classifier.images import decode, perceptual_hash
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from stages.validate.file_check import check_file, check_files
from tests.project import draw

LIMITS = Limits(max_megapixels=1, max_megabytes=10, decode_timeout=5)


class Crashing:
    def is_file(self) -> bool:
        ctypes.string_at(0)
        return True


class Hanging:
    def is_file(self) -> bool:
        time.sleep(1000)
        return True


class Greedy:
    def is_file(self) -> bool:
        bytearray(10**11)
        return True


def decode_results(paths, limits=LIMITS):
    with closing(DecodePool(limits.pixels)) as pool:
        return [result for _, result in check_files(paths, pool, limits).values()]


def test_an_image_has_size_format_hashes_and_failed_checks(tmp_path):
    path = draw(tmp_path / "a.jpg", "cross", 1, size=(600, 90))
    with closing(DecodePool(LIMITS.pixels)) as pool:
        ((identity, result),) = check_files([path], pool, LIMITS).values()
    assert (result.width, result.height, result.format) == (600, 90, "JPEG")
    assert identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    pixels = decode.decode_image(path.read_bytes(), 64, 64).pixels
    assert result.perceptual_hash == perceptual_hash.perceptual_hash(pixels)
    assert "extreme_shape" in result.failed_checks


@pytest.mark.parametrize(
    ("hostile", "code"), [(Crashing, "crashed"), (Hanging, "too_slow"), (Greedy, "too_large")]
)
def test_a_hostile_file_ends_a_worker_but_not_the_other_files(hostile, code, tmp_path, monkeypatch):
    monkeypatch.setattr("stages.validate.file_check.BATCH_SECONDS", 0.0)
    paths = [draw(tmp_path / f"{number}.png", "cross", number) for number in range(20)]
    limits = dataclasses.replace(LIMITS, decode_timeout=3)
    results = decode_results([*paths[:10], hostile(), *paths[10:]], limits)
    assert [result.problem for result in results] == [""] * 10 + [code] + [""] * 10
    assert results[10].detail


def test_images_above_the_limits_are_too_large(tmp_path):
    small, large = draw(tmp_path / "a.png", "cross", 1), tmp_path / "b.png"
    Image.new("RGB", (1001, 1000)).save(large)
    assert [result.problem for result in decode_results([small, large])] == ["", "too_large"]
    tight = dataclasses.replace(LIMITS, max_megabytes=(small.stat().st_size - 1) / 1e6)
    (result,) = decode_results([small], tight)
    assert result.problem == "too_large"
    assert result.detail == f"{tight.size + 1:,} bytes, more than {tight.size:,}"


@pytest.mark.parametrize("place", ["sized", "unsized"])
def test_the_limit_holds_for_images_of_a_list_without_sizes(place, server):
    folder, address = server
    (folder / place).mkdir()
    size = draw(folder / place / "a.png", "cross", 1).stat().st_size
    path, unknown = objects.path_of(f"{address}/{place}/a.png"), Version(-1, "")
    assert (objects.version(objects.address_of(path)).size == size) == (place == "sized")
    for most, expected in ((size, ""), (size - 1, "too_large")):
        limits = dataclasses.replace(LIMITS, max_megabytes=most / 1e6)
        assert check_file(path, limits, unknown)[1].problem == expected


def test_an_image_that_takes_too_long_is_too_slow(tmp_path):
    Image.new("L", (4000, 6000)).save(tmp_path / "a.jpg", progressive=True)
    assert decode.is_large(tmp_path / "a.jpg") is False
    Image.effect_noise((4500, 6000), 90).save(tmp_path / "b.jpg", progressive=True)
    assert decode.is_large(tmp_path / "b.jpg")
    limits = Limits(max_megapixels=100, max_megabytes=1000, decode_timeout=0.1)
    (result,) = decode_results([tmp_path / "b.jpg"], limits)
    assert (result.problem, result.detail) == ("too_slow", "took more than 0.1 seconds")
    (result,) = decode_results([tmp_path / "b.jpg"], dataclasses.replace(limits, decode_timeout=60))
    assert (result.width, result.height) == (4500, 6000)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_pipes_folders_and_broken_symlinks_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    paths = [tmp_path / "pipe.jpg", tmp_path / "nowhere.jpg", Path(tmp_path)]
    assert {result.problem for result in decode_results(paths)} == {"unreadable"}


def test_no_files_start_no_process():
    before = multiprocessing.active_children()
    assert decode_results([]) == []
    assert multiprocessing.active_children() == before


def test_a_frame_larger_than_its_image_is_refused_before_it_is_read(tmp_path):
    file = io.BytesIO()
    Image.new("P", (60, 60)).save(file, "GIF")
    data = bytearray(file.getvalue())
    start = data.index(b",\0\0\0\0\x3c\0\x3c\0")  # the frame: place, width, height
    data[start + 5 : start + 9] = b"\xff\xff\xff\xff"
    data[6:10] = b"\xff\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(data)
    (result,) = decode_results([tmp_path / "a.gif"])
    assert result.problem == "too_large" and "memory" not in result.detail
