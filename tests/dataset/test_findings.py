from collections.abc import Iterator

from classifier.common import files
from classifier.dataset import findings
from classifier.dataset.findings import Finding
from classifier.dataset.manifest import ImageRow


def images(*found: tuple[str, str, str]) -> Iterator[tuple[ImageRow, list[str]]]:
    """Yields images with a finding each, by the number, the split and the finding."""
    for number, split, code in found:
        yield ImageRow(f"input/{split}/{number}", split, "a", "", 1, 1, "PNG"), [code]


def test_findings_are_written_with_their_ranks_and_read_again(tmp_path):
    found = [
        Finding(path, "a", code, score, "b", "c", "a sentence, with a comma")
        for path, code, score in (("d", "duplicate", 1), ("c", "outlier", 4), ("b", "outlier", 3))
    ]
    findings.write(tmp_path / "inspection.csv", found)
    assert findings.read(tmp_path / "inspection.csv") == found
    rows = files.read_csv(tmp_path / "inspection.csv")
    assert [row["rank"] for row in rows] == ["1", "1", "2"]


def test_leaks_conflicts_and_copies_are_warned_of_unless_they_are_dropped():
    found = [(str(number), "train", "duplicate") for number in range(6)]
    found += [("7", "train", "in_train_and_test"), ("7", "test", "in_train_and_test")]
    found += [("8", "train", "label_conflict")]
    rest = [(row, []) for row, _ in images(*[(str(n), "train", "") for n in range(10, 14)])]
    leak, conflict, copies = findings.warnings([*images(*found), *rest], {})
    assert leak.startswith("1 test image also among the training images, so the test score is too")
    assert conflict.startswith("1 image in two classes at once")
    assert copies.startswith("8 of 12 training images are copies of others")
    dropped = findings.dropped(
        {name: name == "drop_leaks" for name in findings.DROP_PARAMS.values()}
    )
    assert findings.warnings([*images(*found), *rest * 2], dropped) == [conflict]


def test_a_leaked_image_of_unknown_class_is_in_no_score():
    ((row, codes),) = images(("7", "test", "in_train_and_test"))
    (message,) = findings.warnings([(row._replace(label=""), codes)], {})
    assert "so its prediction says little about new images" in message and "score" not in message
