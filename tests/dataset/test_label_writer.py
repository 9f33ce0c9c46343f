import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from classifier.common.errors import StageError
from classifier.dataset import label_list, label_writer
from classifier.dataset.label_writer import NewLine
from tests.project import needs_git

LIST = Path("input/labels.csv")
TIME = "2026-01-01T00:00:00Z"
WRITER = """
import sys
from pathlib import Path
from classifier.dataset.label_writer import NewLine, append, prepare
TIME = "2026-01-01T00:00:00Z"
prepare()
for number in range(int(sys.argv[2])):
    line = NewLine(Path("input/a.jpg"), f"{sys.argv[1]} {number}", "", "", TIME, "é")
    append([line, line])
    print(number, flush=True)
"""


@pytest.fixture
def image(inside):
    (inside / "input").mkdir()
    (inside / "input" / "a.jpg").touch()
    return Path("input/a.jpg")


def start(name: str, number: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, name, str(number)]
    root = str(Path(label_writer.__file__).parents[2])
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}
    )


def labels() -> list[str]:
    header, rows = label_list.parse(LIST.read_bytes())
    assert header == list(label_list.COLUMNS)
    return [cells[1] for _, cells in rows]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_writer_loses_no_label_that_it_has_acknowledged(image):
    for attempt in range(5):
        with start(f"run{attempt}", 100_000) as process:
            process.stdout.readline()
            time.sleep(0.02 * attempt)
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().splitlines()
        last = int(rest[-1]) if rest else 0
        label_writer.prepare()
        own = [label for label in labels() if label.startswith(f"run{attempt} ")]
        assert own[: 2 * last + 2] == [f"run{attempt} {n // 2}" for n in range(2 * last + 2)]


def test_two_processes_write_at_once(image):
    processes = [start(name, 200) for name in "ab"]
    for process in processes:
        assert len(process.communicate()[0].splitlines()) == 200
    for name in "ab":
        assert [one for one in labels() if one[0] == name] == [
            f"{name} {n // 2}" for n in range(400)
        ]


def test_half_a_line_at_the_end_is_removed_and_told(image, capsys):
    label_writer.prepare()
    label_writer.append([NewLine(image, "cat", "", "", TIME, "ann")])
    whole = LIST.read_bytes()
    for torn in (b"a.j", b'"a.jpg', b"a.jpg,cat,,,2026-01", b"a.jpg,caf\xc3"):
        LIST.write_bytes(whole + torn)
        assert label_writer.prepare().startswith("ended with half a line, which is removed: ")
        assert LIST.read_bytes() == whole
    LIST.write_bytes(whole + b"a.j")
    label_writer.append([])
    assert "ended with half a line, which is removed: 'a.j'" in capsys.readouterr().err
    LIST.write_bytes(whole + b"a.jpg,dog,,,,")  # by an editor that ends no line
    assert label_writer.prepare() == ""
    assert LIST.read_bytes() == whole + b"a.jpg,dog,,,,\n"


def test_a_list_of_a_spreadsheet_gets_the_columns_and_keeps_its_rows(image):
    LIST.write_bytes("\ufeffPath;Group;Label\r\na.jpg;p1;caf\u00e9\r\n".encode())
    assert label_writer.prepare() == "has the columns path, label, split, group, when, by now"
    label_writer.append([NewLine(image, "d,og", "", "p1", TIME, "ann")])
    assert label_writer.prepare() == ""
    assert LIST.read_text(encoding="utf-8").splitlines()[1:] == [
        "a.jpg,caf\u00e9,,p1,,",
        f'a.jpg,"d,og",,p1,{TIME},ann',
    ]
    assert label_list.read()[image].label == "d,og"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_error(image):
    with pytest.raises(StageError, match="disk is full"):
        label_writer.append([NewLine(image, "cat", "", "", TIME, "")], Path("/dev/full"))


def test_a_time_is_never_before_that_of_the_line_it_replaces():
    assert label_writer.now("2999-01-01T00:00:00Z") == "2999-01-01T00:00:00Z"
    assert label_list.TIME.fullmatch(label_writer.now())


@pytest.mark.parametrize("name", ["a\\b.jpg", "a\nb.jpg", "a.jpg "])
def test_names_that_a_line_cannot_hold_are_told(name):
    assert label_writer.fits(Path("input/a,b \u00e9.jpg"))
    assert not label_writer.fits(Path("input") / name)


@needs_git
def test_git_joins_the_lists_of_two_people(image):
    def git(*arguments: str) -> None:
        author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *author, *arguments], check=True, capture_output=True)

    Path(".gitattributes").write_text("/input/labels.csv merge=union\n", "utf-8")
    git("init", "-q", "-b", "main")
    git("add", ".gitattributes")
    git("commit", "-qm", "start")
    git("branch", "other")
    for branch in ("main", "other"):
        git("checkout", "-q", branch)
        label_writer.prepare()
        label_writer.append([NewLine(image, branch, "", "", TIME, branch)])
        git("add", "input/labels.csv")
        git("commit", "-qm", branch)
    git("merge", "-q", "main", "-m", "both")
    assert sorted(filter("label".__ne__, labels())) == ["main", "other"]
    assert label_list.read()[image].label in ("main", "other")
