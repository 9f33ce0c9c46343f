import os
import sys

import pytest

from classifier.commands import classify
from classifier.common.errors import StageError
from classifier.serving import outputs
from classifier.serving.writers import csv_writer, json_writer

TABLE = "path,status,predicted,probability,predicted_index\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, text="new"):
    assert outputs.refusals({"--csv": str(name)}, force=False) == []
    with outputs.open_output(str(name)) as file:
        file.write(text)


def refusal(name, force=False):
    (message,) = outputs.refusals({"--csv": str(name)}, force)
    return message


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("name", ["mine", "mine/", "link", "new/", ""])
def test_a_folder_is_refused_and_stays(name, force, here):
    (here / "mine").mkdir()
    (here / "mine" / "photo.jpg").touch()
    (here / "link").symlink_to("mine")
    assert refusal(name, force) == f"--csv {name}: must be a file; got a folder: add a file name"
    assert (here / "mine" / "photo.jpg").exists() and not (here / "new").exists()


@pytest.mark.parametrize("text", ["path,label\n", "[\n  1]", "\x00photo", "path,status,predicted"])
def test_a_file_that_holds_no_predictions_needs_force(text, here):
    (here / "mine").write_text(text)
    assert refusal("mine").endswith(
        "holds no predictions; name another file, or overwrite it with --force"
    )
    assert outputs.refusals({"--csv": "mine"}, force=True) == []


def test_predictions_and_empty_files_are_replaced(here):
    for name, write_rows in (("a.csv", lambda f: csv_writer(f, 2)), ("a.json", json_writer)):
        with (here / name).open("w", newline="") as file, write_rows(file) as write_row:
            write_row(["a.jpg", "truncated", "", "", "", "", ""], "a sentence")
    with (here / "none.json").open("w") as file, json_writer(file):
        pass
    (here / "empty").touch()
    for path in list(here.iterdir()):
        write(path.name)
        assert path.read_text() == "new"


def test_a_link_stays_and_its_target_is_written(here):
    (here / "real").mkdir()
    (here / "real" / "old.csv").write_text(TABLE)
    for target in ("old.csv", "new.csv"):
        (here / f"link to {target}").symlink_to(f"real/{target}")
        write(f"link to {target}")
        assert (here / f"link to {target}").is_symlink()
        assert (here / "real" / target).read_text() == "new"


def test_missing_folders_are_made(here):
    write("a/b/c.csv")
    assert (here / "a" / "b" / "c.csv").read_text() == "new"


def test_the_mode_of_a_file_stays(here):
    (here / "a.csv").write_text(TABLE)
    (here / "a.csv").chmod(0o600)
    write("a.csv")
    assert (here / "a.csv").stat().st_mode & 0o777 == 0o600


def test_after_an_error_the_old_file_is_there_and_nothing_else(here):
    (here / "a.csv").write_text(TABLE)
    with pytest.raises(RuntimeError), outputs.open_output("a.csv") as file:
        file.write("half")
        raise RuntimeError
    assert [path.read_text() for path in here.iterdir()] == [TABLE]


def test_pipes_devices_and_open_files_are_written_directly(here):
    os.mkfifo(here / "pipe")
    reader, writer = os.pipe()
    both_ends = os.open("pipe", os.O_RDWR)
    for name, end in (("pipe", both_ends), (f"/dev/fd/{writer}", reader)):
        write(name, name)
        assert os.read(end, 99).decode() == name
    write("/dev/null")
    assert (here / "pipe").is_fifo()


def test_an_open_file_is_continued_not_replaced(here):
    with (here / "log").open("w") as file:
        file.write("before ")
        file.flush()
        write(f"/proc/self/fd/{file.fileno()}", "after")
    assert (here / "log").read_text() == "before after"


def test_dev_stdout_is_standard_output(here, capsys):
    (here / "link").symlink_to("/dev/stdout")
    for name in ("-", "/dev/stdout", "link"):
        write(name, f"<{name}>")
    assert capsys.readouterr().out == "<-></dev/stdout><link>"


def test_what_cannot_be_written_is_refused_before_any_work(here):
    (here / "file").touch()
    (here / "loop").symlink_to("loop")
    with (here / "file").open() as file:
        assert "Bad file descriptor" in refusal(f"/dev/fd/{file.fileno()}")
    assert "(" in refusal("file/a.csv") and "cannot be written" in refusal("file/a.csv")
    assert "the link leads to itself" in refusal("loop")
    (here / ".dvc" / "cache").mkdir(parents=True)
    (here / ".dvc" / "cache" / "object").touch()
    (here / "predictions.csv").symlink_to(".dvc/cache/object")
    assert "must not be in DVC's cache" in refusal("predictions.csv")


def test_all_refusals_come_at_once_and_one_place_takes_one_output(here):
    (here / "a").mkdir()
    assert len(outputs.refusals({"--csv": "a", "--json": "a"}, force=False)) == 3
    assert outputs.refusals({"--csv": "b", "--json": "./b"}, force=False) == [
        "--csv and --json: must be different; got the same place twice"
    ]
    assert outputs.refusals({"--csv": "/dev/null", "--json": "/dev/null"}, force=False) == []


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may write everywhere")
def test_a_file_without_permission_to_write_is_refused(here):
    (here / "a.csv").write_text(TABLE)
    (here / "a.csv").chmod(0o444)
    assert "permission denied" in refusal("a.csv")


def test_a_full_disk_is_one_error(here):
    with pytest.raises(StageError, match="/dev/full: the disk is full"):
        write("/dev/full", "x" * 100_000)


def test_classify_refuses_its_outputs_before_it_loads_the_model(inside, monkeypatch):
    (inside / "mine").mkdir()
    (inside / "notes.txt").write_text("mine", encoding="utf-8")
    arguments = ["classify", "mine", "--csv", "mine", "--json", "notes.txt"]
    monkeypatch.setattr(sys, "argv", arguments)  # there is no model here
    with pytest.raises(StageError) as error:
        classify.main()
    assert [message.partition(": ")[0] for message in error.value.messages] == [
        "mine",
        "--csv mine",
        "--json notes.txt",
    ]
