"""What is loaded here is an open file, which is a thing to close."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from classifier.common.errors import StageError
from classifier.serving import reloading
from classifier.serving.reloading import Reloading


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reloading, "SECONDS", 0.01)


def replace(path: Path, text: str) -> None:
    """Replaces the file; those who have the old one open still read it."""
    path.with_name("new").write_text(text)
    path.with_name("new").replace(path)


def wait_for(one: Reloading, text: str) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with one.lease() as file:
            file.seek(0)
            if file.read() == text:
                return
        time.sleep(0.01)
    raise AssertionError(one.outdated)


def test_changed_files_are_loaded_and_the_old_is_closed_once_unused(tmp_path):
    path, told = tmp_path / "a", []
    path.write_text("first")
    with closing(Reloading(path.open, (path,), told.append)) as one:
        with one.lease() as old:
            replace(path, "second one")
            wait_for(one, "second one")
            assert not old.closed
        assert old.closed
    assert told == ["the model has changed; the new one is loaded"] and not one.outdated


def test_files_that_cannot_be_loaded_leave_the_old_in_use_until_they_can(tmp_path):
    path, told = tmp_path / "a", []
    path.write_text("first")

    def load():
        if path.stat().st_size < 5:
            raise StageError("a: incomplete")
        return path.open()

    with closing(Reloading(load, (path,), told.append)) as one:
        replace(path, "bad")
        end = time.monotonic() + 5
        while not told and time.monotonic() < end:
            with one.lease() as file:
                assert not file.closed
        assert one.outdated.endswith("cannot be loaded: a: incomplete") and told == [one.outdated]
        replace(path, "complete")
        wait_for(one, "complete")
    assert not one.outdated


def test_unchanged_files_are_loaded_once(tmp_path):
    path, opened = tmp_path / "a", []
    path.write_text("first")

    def load():
        opened.append(1)
        return path.open()

    with closing(Reloading(load, (path,), print)) as one:
        for _ in range(5):
            time.sleep(0.02)
            with one.lease():
                pass
    assert opened == [1]
