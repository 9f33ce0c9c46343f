import numpy as np

from classifier.common.scratch import Scratch
from classifier.dataset.manifest import ImageRow
from stages.inspect.copy_candidates import CopyCandidates
from stages.inspect.image_findings import duplicate_findings, judged_findings
from stages.inspect.label_errors import LabelErrors
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.outliers import Outliers


def image(path: str, split: str = "train", label: str = "a") -> ImageRow:
    return ImageRow(path, split, label, path[0] * 64, 64, 64, "PNG")


def pairs(*rows: tuple[int, int, float, bool]) -> DuplicatePairs:
    columns = np.array(rows).reshape(-1, 4).T
    kinds = (np.int32, np.int32, np.float64, bool)
    return DuplicatePairs(
        *(column.astype(kind) for column, kind in zip(columns, kinds, strict=True))
    )


def duplicates(tmp_path, images: list[tuple[int, ImageRow]], found: DuplicatePairs) -> list[tuple]:
    with Scratch(tmp_path) as scratch:
        results = list(duplicate_findings(CopyCandidates(images, scratch), found))
    return [(one.path, one.finding, one.score, one.other, one.detail[:15]) for one in results]


def test_of_several_copies_the_nearest_is_named_and_at_equal_distance_the_first(tmp_path):
    images = [(n, image(str(n))) for n in range(4)]
    found = pairs((0, 2, 0.1, False), (0, 3, 0.1, False), (1, 3, 0.1, True), (2, 3, 0.05, False))
    assert duplicates(tmp_path, images, found) == [
        ("2", "duplicate", 0.9, "0", "the same image "),
        ("3", "duplicate", 0.95, "2", "the same image "),
    ]
    assert duplicates(tmp_path, images, found[:3]) == [
        ("2", "duplicate", 0.9, "0", "the same image "),
        ("3", "duplicate", 0.9, "0", "the same image "),
    ]
    assert duplicates(tmp_path, images, found[2:3]) == [
        ("3", "duplicate", 0.9, "1", "the mirror imag")
    ]


def test_the_same_bytes_need_no_pair(tmp_path):
    images = [(7, image("1a")), (7, image("1b", label="b")), (7, image("1c", "test", ""))]
    assert duplicates(tmp_path, images, pairs()) == [
        ("1a", "label_conflict", 1, "1b", "the same bytes "),
        ("1a", "in_train_and_test", 1, "1c", "the same bytes "),
        ("1b", "label_conflict", 1, "1a", "the same bytes "),
        ("1b", "in_train_and_test", 1, "1c", "the same bytes "),
        ("1c", "in_train_and_test", 1, "1a", "the same bytes "),
    ]


def test_all_images_of_a_content_are_judged_and_labels_only_where_there_are_some():
    images = [(2, image("0")), (5, image("1", "test", "")), (5, image("2")), (9, image("3"))]
    errors = LabelErrors(np.array([5]), np.array([1]), np.array([0.75]), np.array([0.25]))
    outliers = Outliers(np.array([2, 5]), np.array([4.0, 3.5], np.float32))
    found = list(judged_findings(images, errors, outliers, ["a", "b"]))
    assert [(one.path, one.finding, one.score, one.suggested) for one in found] == [
        ("0", "outlier", 4, ""),
        ("1", "outlier", 3.5, ""),
        ("2", "wrong_label", 0.75, "b"),
        ("2", "outlier", 3.5, ""),
    ]
    assert found[2].detail == "looks like b (0.75), not like a (0.25)"
