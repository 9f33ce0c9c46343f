from pathlib import Path

import pytest

from classifier.common.errors import StageError
from classifier.dataset import label_list
from classifier.dataset.label_list import ListedImage

TABLE = [
    ("path", "label", "split", "group"),
    ("all/a.jpg", "Caf\u00e9", "train", "p1"),
    ("all/b,c.jpg", "dog", "", "p2"),
    ("all/d.jpg", "", "test", ""),
]


@pytest.fixture
def place(inside):
    for name in ("a.jpg", "b,c.jpg", "d.jpg"):
        (inside / "input" / "all").mkdir(parents=True, exist_ok=True)
        (inside / "input" / "all" / name).touch()
    return inside / "input" / "labels.csv"


def text(delimiter=",", end="\n"):
    return "".join(
        delimiter.join(f'"{cell}"' if "," in cell else cell for cell in row) + end for row in TABLE
    )


def errors(place, data):
    place.write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(StageError) as info:
        label_list.read()
    return [message.removeprefix("input/labels.csv, ") for message in info.value.messages]


def test_without_a_list_nothing_is_listed(inside):
    assert label_list.read() == {}


def test_a_list_that_an_experiment_lacks_is_an_error(place, tmp_path_factory, monkeypatch):
    place.write_text(text(), encoding="utf-8")
    monkeypatch.setenv("DVC_ROOT", str(Path.cwd()))
    assert label_list.read()
    monkeypatch.chdir(tmp_path_factory.mktemp("copy"))
    with pytest.raises(StageError, match=r"must be in git for experiments; run `git add input/lab"):
        label_list.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r\n")])
def test_lists_are_read_as_spreadsheets_write_them(encoding, delimiter, end, place):
    place.write_bytes(text(delimiter, end).encode(encoding))
    assert label_list.read() == {
        Path("input/all/a.jpg"): ListedImage(2, "Caf\u00e9", "train", "p1"),
        Path("input/all/b,c.jpg"): ListedImage(3, "dog", "", "p2"),
        Path("input/all/d.jpg"): ListedImage(4, "", "test", ""),
    }


def test_any_columns_after_the_path_will_do(place):
    place.write_text("group, Path\np1,all\\a.jpg\n\n", encoding="utf-8")
    assert label_list.read() == {Path("input/all/a.jpg"): ListedImage(2, "", "", "p1")}


def test_all_wrong_rows_are_named_at_once_with_their_lines(place):
    rows = ["path,split", "all/A.jpg,train", "../x.jpg,test", "all/a.jpg,val", "all/a.jpg,test"]
    rows += [
        "all/d.jpg",
        "input/all/d.jpg,test",
        "/etc/passwd,test",
        ",test",
        "C:\\a.jpg,test",
        ".,test",
    ]
    found = errors(place, "\n".join(rows))
    assert [error.split(":")[0] for error in found] == [f"line {n}" for n in range(2, 12)]
    assert found[0].endswith("path must be a file; got 'all/A.jpg'; did you mean a.jpg?")
    assert found[1].endswith("path must be relative to input and inside it; got '../x.jpg'")
    assert found[2].endswith(
        "must be one of train, validation, test, none; got 'val'; did you mean validation?"
    )
    assert found[3].endswith("must be one line for each image; got all/a.jpg in line 4 too")
    assert found[4].endswith("must have 2 cells; got 1")
    assert found[5].endswith("leave out `input/`")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "pth,label\n",
            "line 1: must have columns among path, label, split, group, when, by; got 'pth'; did",
        ),
        ("path\na.jpg\n", "line 1: must have the column path and one of label, split and group"),
        ("label,split\n", "line 1: must have the column path and one of"),
        ("", "line 1: must have the column path and one of"),
        ("path,label,label\n", "line 1: must have each column once"),
        (b"path,label\nall/a.jpg,caf\xe9\n", "line 2: must be UTF-8; got other bytes: in Excel"),
        (b"path,label\nall/a.jpg,\0\n", "line 2: must be text; got a NUL byte"),
        ('path,label\n"all/a.jpg,x\n', "line 2: must be CSV; got"),
    ],
)
def test_a_file_that_is_no_list_is_an_error(data, message, place):
    (error,) = errors(place, data)
    assert error.startswith(message)


def test_a_million_errors_are_not_printed(place):
    found = errors(place, "path,label\n" + "gone.jpg,a\n" * 200)
    assert len(found) == label_list.SHOWN + 1
    assert found[-1] == "input/labels.csv: 150 more errors"


def test_of_several_lines_with_times_the_latest_counts(place):
    rows = ["all/a.jpg,cat,,", "all/a.jpg,dog,,2026-01-02T00:00:00Z", "path,label,group,when"]
    rows += ["all/a.jpg,cow,,2026-01-01T00:00:00Z", "all/d.jpg,cat,,2026-01-01T00:00:00Z"]
    rows += ["all/d.jpg,,,2026-01-01T00:00:00Z"]  # the same second: an undo
    place.write_text("\n".join(["path,label,group,when", *rows]) + "\n", encoding="utf-8")
    assert {path.name: row.label for path, row in label_list.read().items()} == {
        "a.jpg": "dog",
        "d.jpg": "",
    }


def test_a_line_without_a_time_after_another_is_an_error(place):
    found = errors(place, "path,label,when\nall/a.jpg,cat,yesterday\nall/a.jpg,cat,\n")
    assert found == [
        "line 2: when must be a time like 2026-01-31T12:00:00Z; got 'yesterday'",
        "line 3: must be one line for each image; got all/a.jpg in line 2 too",
    ]


def test_a_list_that_cannot_be_read_is_an_error(place):
    place.mkdir()
    with pytest.raises(StageError, match=r"^input/labels\.csv: cannot be read \(Is a directory\)"):
        label_list.read()
