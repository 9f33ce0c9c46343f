import hashlib
import os
import shutil
import sqlite3
import time

import pytest

from classifier.cache import files as file_index
from classifier.cache.files import DecodeResult, FileIdentity, FileIndex

GOOD = DecodeResult(4, 3, "JPEG")
BAD = DecodeResult(problem="truncated", detail="it ends")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that is old enough to be trusted."""
    monkeypatch.setattr(file_index, "GRAIN_NS", 1_000_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1234")
    time.sleep(0.05)
    return path


def remembered(folder, path, verdict=GOOD):
    kept = FileIndex(folder)
    with file_index.open_identified(path) as (_, seen):
        pass
    kept.remember("recipe", {path: seen}, {seen.sha256: verdict})
    assert kept.known([path]) == {path: seen.sha256}
    return kept, seen.sha256


def test_a_file_left_alone_is_known(file, tmp_path):
    kept, sha256 = remembered(tmp_path, file)
    kept.close()
    assert FileIndex(tmp_path).known([file]) == {file: sha256}


def edit(path):
    path.write_bytes(b"5678")


def edit_and_turn_back_the_clock(path):
    before = path.stat()
    path.write_bytes(b"5678")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_another_in_its_place(path):
    shutil.copy2(path, path.with_name("b"))
    path.with_name("b").replace(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no time of a file's last change of state")
@pytest.mark.parametrize(
    "change", [edit, edit_and_turn_back_the_clock, put_another_in_its_place, os.remove]
)
def test_a_changed_file_is_not(change, file, tmp_path):
    kept, _ = remembered(tmp_path, file)
    time.sleep(0.02)
    change(file)
    assert kept.known([file]) == {}


def test_a_file_that_may_change_within_the_clocks_grain_is_not_trusted(tmp_path):
    path = tmp_path / "new.jpg"
    path.write_bytes(b"1234")
    with file_index.open_identified(path) as (opened, seen):
        assert (opened.read(), seen.token) == (b"1234", "")
    kept = FileIndex(tmp_path)
    kept.remember("recipe", {path: seen}, {seen.sha256: GOOD})
    assert kept.known([path]) == {}
    assert kept.verdicts("recipe", [seen.sha256]) == {seen.sha256: GOOD}


@pytest.mark.parametrize("in_memory", [3, 4])
def test_a_file_is_the_same_in_memory_and_on_disk(in_memory, file, monkeypatch):
    monkeypatch.setattr(file_index, "IN_MEMORY", in_memory)
    with file_index.open_identified(file) as (opened, seen):
        assert opened.read() == b"1234"
    assert seen.sha256 == hashlib.sha256(b"1234").hexdigest()


def test_a_large_file_that_changes_while_it_is_decoded_is_refused(file, monkeypatch):
    monkeypatch.setattr(file_index, "IN_MEMORY", 3)
    with pytest.raises(OSError, match="changed"), file_index.open_identified(file):
        edit(file)


@pytest.mark.parametrize("verdict", [GOOD, BAD, DecodeResult(1, 2, "é\n")])
def test_a_verdict_is_that_of_its_recipe(verdict, file, tmp_path):
    kept, sha256 = remembered(tmp_path, file, verdict)
    assert kept.verdicts("recipe", [sha256, "0" * 64]) == {sha256: verdict}
    assert kept.verdicts("another", [sha256]) == {}


@pytest.mark.parametrize(
    "change", ["files SET sha256 = x'00'", "contents SET verdict = '[9, 9, \"PNG\"]'"]
)
def test_a_changed_row_is_not_used(change, file, tmp_path):
    kept, sha256 = remembered(tmp_path, file)
    kept.close()
    with sqlite3.connect(tmp_path / file_index.NAME) as connection:
        connection.execute(f"UPDATE {change}")
    kept = FileIndex(tmp_path)
    found = (kept.known([file]), kept.verdicts("recipe", [sha256]))
    assert found in [({}, {sha256: GOOD}), ({file: sha256}, {})]


def test_a_broken_file_is_set_aside_and_said(file, tmp_path, capsys):
    kept, _ = remembered(tmp_path, file)
    kept.close()
    data = (tmp_path / file_index.NAME).read_bytes()
    (tmp_path / file_index.NAME).write_bytes(data[:5000])
    assert FileIndex(tmp_path).known([file]) == {}
    said = capsys.readouterr().err
    assert "files.sqlite: damaged (" in said and "it is now files.sqlite.damaged" in said


def test_hashes_are_read_only_where_they_are_not_known(file, tmp_path):
    other = tmp_path / "b.jpg"
    other.write_bytes(b"1234")
    kept, sha256 = remembered(tmp_path, file)
    made_up = "ab" * 32  # would show that the file was read
    kept.remember("", {file: FileIdentity(made_up, file_index.stat_signature(file.stat()))}, {})
    assert kept.hashes([file, other, tmp_path / "gone"]) == {file: made_up, other: sha256}
