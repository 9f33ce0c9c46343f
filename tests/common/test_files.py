import errno
import io
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.common import files
from classifier.common.errors import StageError


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
        with files.atomic_write(tmp_path / "out") as part:
            part.mkdir()
            (part / name).touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


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
    (tmp_path / f"out.{os.getpid()}.part").mkdir()
    (tmp_path / f"out.{ended.pid}.part").write_text("half")
    with files.atomic_write(tmp_path / "out") as part:
        part.mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_that_another_run_is_writing_stay(tmp_path):
    others = (f"out.{os.getppid()}.part", "out.x.part", f"other.{os.getpid()}.part")
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
    files.csv_writer(out).writerow(["a\rb", "c"])
    assert out.getvalue() == '"a\rb",c\n'
