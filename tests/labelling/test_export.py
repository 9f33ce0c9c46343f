from pathlib import Path

import pytest

from classifier.common.errors import StageError
from classifier.dataset.folders import InputFile
from classifier.labelling import export


@pytest.fixture
def labelled(inside):
    files = [
        InputFile(Path("input/unlabelled/a/1.jpg"), "train", "cat"),
        InputFile(Path("input/unlabelled/b/1.jpg"), "train", "cat"),
        InputFile(Path("input/train/dog/2.jpg"), "test", "dog"),
        InputFile(Path("input/unlabelled/3.jpg"), "unlabelled", ""),
        InputFile(Path("input/unlabelled/4.jpg"), "none", "cat"),
    ]
    for file in files:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.path.as_posix())
    return files


@pytest.mark.parametrize("copy", [False, True])
def test_labelled_images_are_linked_or_copied_to_class_folders(copy, labelled):
    assert export.export(labelled, Path("out"), copy=copy) == 3
    found = {path.as_posix(): path.read_text() for path in Path("out").rglob("*.jpg")}
    assert found == {
        "out/train/cat/1.jpg": "input/unlabelled/a/1.jpg",
        "out/train/cat/1-2.jpg": "input/unlabelled/b/1.jpg",
        "out/test/dog/2.jpg": "input/train/dog/2.jpg",
    }
    assert Path("out/train/cat/1.jpg").is_symlink() != copy


def test_a_folder_with_files_is_not_touched(labelled):
    Path("out").mkdir()
    assert export.export(labelled, Path("out"), copy=True) == 3
    with pytest.raises(StageError, match="out: must be a new or an empty folder"):
        export.export(labelled, Path("out"), copy=True)


def test_a_class_that_can_be_no_folder_is_an_error(labelled):
    with pytest.raises(StageError, match=r"got a/b: rename them"):
        export.export([labelled[0], InputFile(Path("x"), "train", "a/b")], Path("out"), copy=True)
    assert not Path("out").exists()
