"""Hostile files, played by objects that misbehave in the worker they are sent to."""

import ctypes
import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from classifier.images import decode
from classifier.images.limits import Limits
from stages.validate.decode_pool import DecodePool
from tests.project import draw

LIMITS = Limits(pixels=1_000_000, size=10_000_000, seconds=5)


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


def verdicts(paths, limits=LIMITS):
    with DecodePool(limits) as workers:
        return [verdict for _, verdict in workers.look(paths).values()]


def test_a_image_has_its_size_format_and_hash(tmp_path):
    path = draw(tmp_path / "a.jpg", "cross", 1)
    with DecodePool(LIMITS) as workers:
        ((seen, verdict),) = workers.look([path]).values()
    assert (verdict.width, verdict.height, verdict.format) == (120, 90, "JPEG")
    assert len(seen.sha256) == 64


@pytest.mark.parametrize(
    ("hostile", "code"), [(Crashing, "crashed"), (Hanging, "too_slow"), (Greedy, "too_large")]
)
def test_a_hostile_file_takes_down_a_worker_and_not_the_others(
    hostile, code, tmp_path, monkeypatch
):
    monkeypatch.setattr("stages.workers.SLOWEST", 0.0)
    paths = [draw(tmp_path / f"{number}.png", "cross", number) for number in range(20)]
    limits = Limits(pixels=1_000_000, size=10_000_000, seconds=3)
    found = verdicts([*paths[:10], hostile(), *paths[10:]], limits)
    assert [verdict.problem for verdict in found] == [""] * 10 + [code] + [""] * 10
    assert found[10].detail


def test_limits_are_kept(tmp_path):
    small, large = draw(tmp_path / "a.png", "cross", 1), tmp_path / "b.png"
    Image.new("RGB", (1001, 1000)).save(large)
    assert [v.problem for v in verdicts([small, large])] == ["", "too_large"]
    tight = Limits(pixels=10**7, size=small.stat().st_size - 1, seconds=5)
    (verdict,) = verdicts([small], tight)
    assert (verdict.problem, verdict.detail.split(", more than ")[1]) == (
        "too_large",
        f"{tight.size:,}",
    )


def test_a_image_too_slow_to_decode_is_said(tmp_path):
    Image.effect_noise((4000, 6000), 90).save(tmp_path / "a.jpg", progressive=True)
    assert decode.is_large(tmp_path / "a.jpg") is False
    Image.effect_noise((9000, 6000), 90).save(tmp_path / "b.jpg", progressive=True)
    assert decode.is_large(tmp_path / "b.jpg")
    limits = Limits(pixels=10**8, size=10**9, seconds=0.2)
    (verdict,) = verdicts([tmp_path / "b.jpg"], limits)
    assert (verdict.problem, verdict.detail) == ("too_slow", "took more than 0.2 seconds")
    (verdict,) = verdicts([tmp_path / "b.jpg"], Limits(10**8, 10**9, 60))
    assert (verdict.width, verdict.height) == (9000, 6000)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    paths = [tmp_path / "pipe.jpg", tmp_path / "nowhere.jpg", Path(tmp_path)]
    assert {verdict.problem for verdict in verdicts(paths)} == {"unreadable"}


def test_no_files_start_no_process():
    with DecodePool(LIMITS) as workers:
        assert workers.look([]) == {}
        assert workers._pool is None


def test_a_frame_larger_than_its_image_is_refused_before_it_is_read(tmp_path):
    file = io.BytesIO()
    Image.new("P", (60, 60)).save(file, "GIF")
    data = bytearray(file.getvalue())
    at = data.index(b",\0\0\0\0\x3c\0\x3c\0")  # the frame: place, width, height
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    data[6:10] = b"\xff\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(data)
    (verdict,) = verdicts([tmp_path / "a.gif"])
    assert verdict.problem == "too_large" and "memory" not in verdict.detail
