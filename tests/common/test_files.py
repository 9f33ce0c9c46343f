import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.common import files
from classifier.common.errors import StageError
from classifier.common.scratch import Scratch
from tests.project import ROOT


def test_a_failed_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("before")
    with pytest.raises(RuntimeError), files.atomic_write(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_completely(tmp_path):
    for name in ("old", "new"):
        with files.atomic_folder(tmp_path / "out", "mark") as part:
            (part / "mark").touch()
            (part / name).touch()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mark", "new"}


@pytest.mark.parametrize("make", ["folder", "pipe", "device"])
def test_a_folder_a_pipe_or_a_device_is_never_replaced_by_a_file(make, tmp_path):
    path = tmp_path / "out"
    if make == "folder":
        path.mkdir()
        (path / "mine.jpg").touch()
    elif make == "pipe":
        os.mkfifo(path)
    path = Path("/dev/null") if make == "device" else path
    message = f"must be a file; got a {make}"
    with pytest.raises(StageError, match=message), files.atomic_write(path):
        pass
    assert make != "folder" or (path / "mine.jpg").exists()


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "kept").write_text("cached by DVC")
    (tmp_path / "out").symlink_to(tmp_path / "kept")
    with files.atomic_write(tmp_path / "out") as part:
        part.write_text("new")
    assert [(tmp_path / name).read_text() for name in ("kept", "out")] == ["cached by DVC", "new"]


def test_only_a_folder_of_ours_is_replaced_by_a_folder(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "mine.jpg").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    for name, got in (("theirs", "another"), ("file", "a file"), ("link", "a link")):
        with pytest.raises(StageError, match=f"got {got}: move it away"):
            files.atomic_folder(tmp_path / name, "mark").__enter__()
    assert (tmp_path / "theirs" / "mine.jpg").exists()


def test_a_file_in_place_of_the_folder_is_one_error(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(StageError, match=r"out\.csv: cannot be written \(.*results is no folder\)"):
        files.write_csv(tmp_path / "results" / "out.csv", ["a"], [])


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, full_disk):
    path = tmp_path / "out.csv"
    with pytest.raises(StageError, match=r"out\.csv: the disk is full; free some space"):
        files.write_csv(path, ["a"], [["b" * 100_000]])
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_one_error(tmp_path):
    message = r"out: cannot be written \(Permission denied\)"
    with pytest.raises(StageError, match=message), files.atomic_write(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_leftovers_of_killed_runs_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f"out.{os.getpid()}.part").write_text("half")
    (tmp_path / f"out.{ended.pid}.part").mkdir()
    for end in (".part.{0}.part", ".5.part", ".5.part-journal", ".x_y.part"):
        (tmp_path / f"out.{ended.pid}{end.format(ended.pid)}").touch()
    with files.atomic_write(tmp_path / "out") as part:
        part.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_that_another_run_is_writing_stay(tmp_path):
    ours = f"out.{os.getppid()}"
    others = (f"{ours}.part", f"{ours}.part.{ours[4:]}.part", f"{ours}.1.part", "out.x.part")
    others += ("out.jpg.part", f"other.{os.getpid()}.part", "out.99999999.partly")
    for name in others:
        (tmp_path / name).touch()
    with files.atomic_write(tmp_path / "out") as part:
        part.touch()
    assert {path.name for path in tmp_path.iterdir()} == {"out", *others}


def test_missing_disk_space_is_an_error_before_writing(tmp_path):
    files.require_space(tmp_path / "not" / "yet" / "there", 1)
    with pytest.raises(StageError, match=r"the disk is full; 1,000,000,000,000,000,000 bytes are"):
        files.require_space(tmp_path / "out", 10**18)


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers())))
def test_any_text_is_read_back_from_a_table(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    files.write_csv(path, ["name", "number"], rows)
    back = [(row["name"], int(row["number"])) for row in files.read_csv(path)]
    assert back == rows


def test_line_ends_are_the_same_on_every_system(tmp_path):
    files.write_csv(tmp_path / "a.csv", ["a", "b"], [["1", "ü,\n"]])
    assert (tmp_path / "a.csv").read_bytes() == 'a,b\n1,"ü,\n"\n'.encode()


def test_a_lone_carriage_return_is_quoted():
    out = io.StringIO()
    files.CsvWriter(out).writerow(["a\rb", "c"])
    assert out.getvalue() == '"a\rb",c\n'


def test_an_error_of_a_library_on_a_full_disk_is_a_full_disk(tmp_path):
    with pytest.raises(StageError, match="the disk is full"), files.disk_errors(tmp_path / "out"):
        raise RuntimeError("cannot close: No space left on device")
    with pytest.raises(RuntimeError, match="a bug"), files.disk_errors(tmp_path / "out"):
        raise RuntimeError("a bug")


def test_a_database_on_a_full_disk_is_a_full_disk(tmp_path):
    with (
        pytest.raises(StageError, match="the disk is full; free some space"),
        files.disk_errors(tmp_path / "out"),
        Scratch(tmp_path) as scratch,
    ):
        database = scratch.database("CREATE TABLE texts (text)", "PRAGMA max_page_count = 3")
        database.execute("INSERT INTO texts VALUES (?)", ("x" * 100_000,))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="limits of a process")
def test_a_database_that_cannot_grow_is_an_error_with_a_remedy(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from classifier.common import files
from classifier.common.scratch import Scratch
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
with files.disk_errors(Path("out.csv")), Scratch(Path(sys.argv[1])) as scratch:
    database = scratch.database("CREATE TABLE texts (text)")
    database.execute("INSERT INTO texts VALUES (?)", ("x" * 100_000,))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "StageError: out.csv: cannot be written or read (disk I/O error): check" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_the_file_and_not_its_temporary_one(tmp_path):
    path = tmp_path / "out.npy"
    with (
        pytest.raises(StageError, match=r"[/\\]out\.npy: the disk is full"),
        files.atomic_write(path) as part,
        files.atomic_write(part),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
