import pytest

from classifier.common.errors import StageError
from classifier.dataset import image_list
from classifier.dataset.image_list import ImageList, ListedImage
from classifier.dataset.problems import Problem
from stages.validate.dataset import Dataset
from stages.validate.statistics import DatasetStatistics

ROWS = [
    ListedImage("s3://b/1.jpg", "cat", "train"),
    ListedImage("s3://b/2.jpg", "dog", "train"),
    ListedImage("s3://b/3.jpg", "", "none"),
]


@pytest.fixture
def survey(inside, scratch):
    """Returns the dataset of a list, beside folders that are no part of it."""
    (inside / "input" / "tests" / "cat").mkdir(parents=True)
    (inside / "input" / "labels.csv").write_text("wrong")

    def make(rows):
        path = inside / "images.csv"
        image_list.write(path, rows)
        return Dataset.survey(ImageList(path, "images.csv"), scratch)

    return make


def test_a_list_is_the_whole_dataset(survey):
    dataset = survey(ROWS)
    dataset.require_valid()
    assert [file.path.name for file in dataset.files()] == ["1.jpg", "2.jpg"]
    assert (dataset.class_names, dataset.contents.total) == (["cat", "dog"], 2)
    assert dataset.warnings() == dataset.unscored_folders() == []


def test_all_that_is_wrong_with_labels_is_told_at_once(survey):
    rows = [ROWS[0], ListedImage("s3://b/2.jpg", "cats", "validation")]
    with pytest.raises(StageError) as error:
        survey(rows).require_valid()
    assert [line.split(": ")[0] for line in error.value.messages] == ["images.csv"] * 2


def test_labels_of_test_images_that_are_no_class_are_named(survey):
    dataset = survey([*ROWS, ListedImage("s3://b/4.jpg", "cats", "test")])
    (warning,) = dataset.warnings()
    assert warning.startswith("images.csv: test images with label 'cats' are not scored")
    assert warning.endswith("; did you mean cat?")


def test_an_error_about_a_class_comes_with_the_images_that_cannot_be_used(survey, scratch):
    dataset, statistics = survey(ROWS), DatasetStatistics(scratch, 0)
    problems = [
        Problem(f"input/s3/b/{n}.jpg", "unreadable", "no", "skipped", "train") for n in "12"
    ]
    first, second, cat, dog = dataset.fatal_errors(True, statistics, problems)
    assert (first, second[:16]) == ("input/s3/b/1.jpg: unreadable (no)", "input/s3/b/2.jpg")
    assert cat.startswith("images.csv, class cat: needs 2") and "class dog" in dog


def test_messages_name_the_list(survey):
    assert survey(ROWS).place("train") == "images.csv, train"


def test_a_group_of_a_list_is_in_one_split(survey):
    more = [
        ListedImage("s3://b/4.jpg", "cat", "train", "ann"),
        ListedImage("s3://b/5.jpg", "cat", "test", "ann"),
        ListedImage("s3://b/6.jpg", "cat", "test", "bob"),
    ]
    rule = "images.csv: group must be in one split; 'ann' is in test and train"
    with pytest.raises(StageError, match=f"^{rule}$"):
        survey([*ROWS, *more]).require_valid()


def test_without_a_list_the_folders_are_the_dataset(inside, scratch):
    for name in ("cat", "dog"):
        (inside / "input" / "train" / name).mkdir(parents=True)
        (inside / "input" / "train" / name / "1.jpg").touch()
    dataset = Dataset.survey(None, scratch)
    dataset.require_valid()
    assert [file.folder for file in dataset.files()] == ["cat", "dog"]
