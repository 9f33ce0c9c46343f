from pathlib import Path

import pytest

from classifier.dataset import input_files, label_list
from classifier.dataset.folders import LeftOut
from stages.validate import dataset_files
from stages.validate.dataset_files import Contents


@pytest.fixture
def images(inside, monkeypatch):
    """Makes files of input/ and a list, and returns what `validate` makes of them."""

    def make(names: str, rows: str):
        for name in names.split():
            path = inside / "input" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (inside / "input" / "labels.csv").write_text(rows.replace(" ", "\n"))
        listed, left_out = label_list.read(), LeftOut()
        classes = input_files.class_names(listed)
        files = list(input_files.find(listed, left_out))
        contents = Contents.survey(files, listed, classes)
        return files, listed, classes, contents

    return make


def test_loose_images_get_their_class_split_and_group(images):
    rows = "path,label,split,group all/1.jpg,cat,,p1 all/2.jpg,dog,train, 3.jpg,,test, "
    files, _, classes, _ = images("all/1.jpg all/2.jpg 3.jpg all/unlisted.jpg", rows)
    assert classes == ["cat", "dog"]
    assert [(f.path.name, f.split, f.folder, f.group) for f in files] == [
        ("3.jpg", "test", "", ""),
        ("1.jpg", "train", "cat", "p1"),
        ("2.jpg", "train", "dog", ""),
    ]


def test_a_row_wins_over_the_folder_and_is_told(images):
    rows = "path,label,split train/cat/1.jpg,dog, train/cat/2.jpg,,test"
    names = "train/cat/1.jpg train/cat/2.jpg train/cat/3.jpg train/dog/4.jpg"
    files, listed, classes, contents = images(names, rows)
    found = {f.path.name: (f.split, f.folder) for f in files}
    assert found["1.jpg"] == ("train", "dog") and found["2.jpg"] == ("test", "cat")
    assert found["3.jpg"] == ("train", "cat")
    label, split = dataset_files.conflict_warnings(listed, classes)
    wins = "input/labels.csv: wins over the"
    assert label == f"{wins} class that the folder gives: input/train/cat/1.jpg is dog"
    assert split == f"{wins} split that the folder gives: input/train/cat/2.jpg is test"
    assert dataset_files.list_errors(listed, classes, contents) == []


def test_files_of_folders_and_of_the_list_come_in_path_order(images):
    rows = "path,label a/1.jpg,cat train0/2.jpg,cat zoo/3.jpg,dog test/.4.jpg,cat"
    names = "a/1.jpg train/cat/9.jpg train0/2.jpg zoo/3.jpg test/.4.jpg test/5.jpg"
    files, *_ = images(names, rows)
    paths = [file.path.as_posix() for file in files]
    assert paths == sorted(paths) and len(paths) == 6


def test_rows_that_do_not_fit_the_files_are_all_named(images):
    rows = (
        "path,label,split,group all/1.jpg,,train, validation/cat/2.jpg,cow,, train/cat/3.jpg,,,p1 "
        "test/4.jpg,,,p1 all/5.jpg,,,"
    )
    names = "all/1.jpg validation/cat/2.jpg train/cat/3.jpg test/4.jpg all/5.jpg train/dog/6.jpg"
    _, listed, classes, contents = images(names, rows)
    assert dataset_files.list_errors(listed, classes, contents) == [
        "line 2: must have a label, because its folder is no class; split is train",
        "line 3: label must be that of a training image; got 'cow'",
        "line 5: group must be in one split; 'p1' is in test (line 5) and train (line 4)",
        "line 6: must have a label, because its folder is no class; split is train",
    ]


def test_a_linked_folder_of_listed_images_is_found(inside, images):
    (inside / "disk").mkdir()
    (inside / "disk" / "1.jpg").touch()
    (inside / "input").mkdir()
    (inside / "input" / "all").symlink_to(inside / "disk")
    _, listed, *_ = images("", "path,label all/1.jpg,cat")
    left_out = LeftOut()
    assert [file.path for file in input_files.find(listed, left_out)] == [Path("input/all/1.jpg")]
    assert left_out.linked_folders == ["input/all"]


def test_an_unlabelled_image_trains_once_it_has_a_label(images):
    names = "unlabelled/a/1.jpg unlabelled/a/2.jpg unlabelled/3.jpg unlabelled/4.jpg train/a/5.jpg"
    rows = "path,label,split unlabelled/a/1.jpg,b, unlabelled/3.jpg,,none unlabelled/4.jpg,a,test"
    files, listed, classes, contents = images(names, rows)
    assert {file.path.name: (file.split, file.folder) for file in files} == {
        "1.jpg": ("train", "b"),
        "2.jpg": ("unlabelled", ""),
        "3.jpg": ("none", ""),
        "4.jpg": ("test", "a"),
        "5.jpg": ("train", "a"),
    }
    assert classes == ["a", "b"] and contents.total == 4
    assert dataset_files.list_errors(listed, classes, contents) == []
    assert dataset_files.conflict_warnings(listed, classes) == []
