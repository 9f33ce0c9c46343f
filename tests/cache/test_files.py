import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from classifier.cache import database
from classifier.cache import files as file_index
from classifier.cache.files import DecodeResult, FileIdentity, FileIndex

GOOD = DecodeResult(4, 3, "JPEG")
BAD = DecodeResult(problem="truncated", detail="it ends")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that is old enough to be trusted."""
    monkeypatch.setattr(file_index, "CLOCK_NS", 1_000_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1234")
    time.sleep(0.05)
    return path


def filled_index(folder, path, result=GOOD):
    index = FileIndex(folder)
    with file_index.open_identified(path) as (_, identity):
        pass
    index.remember("recipe", {path: identity}, {identity.sha256: result})
    assert index.known([path]) == {path: identity.sha256}
    return index, identity.sha256


def test_an_unchanged_file_is_known(file, tmp_path):
    index, sha256 = filled_index(tmp_path, file)
    index.close()
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
def test_a_changed_file_is_not_known(change, file, tmp_path):
    index, _ = filled_index(tmp_path, file)
    time.sleep(0.02)
    change(file)
    assert index.known([file]) == {}


def test_a_file_changed_within_the_clocks_resolution_is_not_trusted(tmp_path):
    path = tmp_path / "new.jpg"
    path.write_bytes(b"1234")
    with file_index.open_identified(path) as (opened, identity):
        assert (opened.read(), identity.stat_signature) == (b"1234", "")
    index = FileIndex(tmp_path)
    index.remember("recipe", {path: identity}, {identity.sha256: GOOD})
    assert index.known([path]) == {}
    assert index.decode_results("recipe", [identity.sha256]) == {identity.sha256: GOOD}


@pytest.mark.parametrize("in_memory", [3, 4])
def test_a_file_reads_the_same_in_memory_and_on_disk(in_memory, file, monkeypatch):
    monkeypatch.setattr(file_index, "IN_MEMORY", in_memory)
    with file_index.open_identified(file) as (opened, identity):
        assert opened.read() == b"1234"
    assert identity.sha256 == hashlib.sha256(b"1234").hexdigest()


def test_a_large_file_that_changes_while_it_is_decoded_is_refused(file, monkeypatch):
    monkeypatch.setattr(file_index, "IN_MEMORY", 3)
    with pytest.raises(OSError, match="changed"), file_index.open_identified(file):
        edit(file)


@pytest.mark.parametrize("result", [GOOD, BAD, DecodeResult(1, 2, "é\n")])
def test_a_result_belongs_to_its_recipe(result, file, tmp_path):
    index, sha256 = filled_index(tmp_path, file, result)
    assert index.decode_results("recipe", [sha256, "0" * 64]) == {sha256: result}
    assert index.decode_results("another", [sha256]) == {}


@pytest.mark.parametrize("table", ["files", "contents"])
def test_a_changed_row_is_not_used(table, file, tmp_path):
    index, sha256 = filled_index(tmp_path, file)
    index.close()
    with closing(sqlite3.connect(tmp_path / file_index.NAME)) as connection, connection:
        connection.execute(f"UPDATE {table} SET sha256 = x'00'")
    index = FileIndex(tmp_path)
    assert index.known([file]) == ({} if table == "files" else {file: sha256})
    results = index.decode_results("recipe", [sha256, "00"])
    assert results == ({} if table == "contents" else {sha256: GOOD})


def test_a_damaged_index_is_set_aside(file, tmp_path, capsys):
    index, _ = filled_index(tmp_path, file)
    index.close()
    data = (tmp_path / file_index.NAME).read_bytes()
    (tmp_path / file_index.NAME).write_bytes(data[:5000])
    assert FileIndex(tmp_path).known([file]) == {}
    message = capsys.readouterr().err
    assert "files.sqlite: damaged (" in message
    assert "set aside as files.sqlite.damaged; every image is read once more" in message


def test_the_index_of_an_older_version_is_replaced(file, tmp_path, capsys):
    with closing(sqlite3.connect(tmp_path / file_index.NAME)) as connection, connection:
        connection.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("CREATE TABLE files (path TEXT, token TEXT, sha256 BLOB, seal BLOB)")
        connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    filled_index(tmp_path, file)
    message = "files.sqlite: written by an older version of this project; set aside as "
    assert message in capsys.readouterr().err
    assert (tmp_path / "files.sqlite.old").exists()


def test_only_unknown_files_are_read(file, tmp_path):
    other = tmp_path / "b.jpg"
    other.write_bytes(b"1234")
    index, sha256 = filled_index(tmp_path, file)
    invented = "ab" * 32  # a reading would replace it
    signature = file_index.stat_signature(file.stat())
    index.remember("", {file: FileIdentity(invented, signature)}, {})
    assert index.hashes([file, other, tmp_path / "gone"]) == {file: invented, other: sha256}


def test_temporary_files_of_a_killed_run_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for end in (f"{ended.pid}.7.part", f"{ended.pid}.7.part-journal"):
        (tmp_path / f"files.sqlite.{end}").touch()
    with closing(FileIndex(tmp_path)):
        assert not list(tmp_path.glob("*.part*"))
