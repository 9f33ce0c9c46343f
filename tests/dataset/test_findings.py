from classifier.common import files
from classifier.dataset import findings
from classifier.dataset.findings import Finding


def finding(path: str, code: str, score: float) -> Finding:
    return Finding(path, "a", code, score, "", "", "a sentence, with a comma")


def test_the_most_serious_kind_comes_first_then_the_highest_score(tmp_path):
    unsorted = [
        finding("a", "outlier", 9.0),
        finding("b", "wrong_label", 0.5),
        finding("c", "wrong_label", 0.75),
        finding("d", "label_conflict", 0.875),
        finding("e", "duplicate", 1.0),
        finding("f", "in_train_and_test", 1.0),
    ]
    findings.write(tmp_path / "inspection.csv", unsorted)
    listed = findings.read(tmp_path / "inspection.csv")
    assert [one.path for one in listed] == ["d", "f", "e", "c", "b", "a"]
    assert set(listed) == set(unsorted)
    rows = files.read_csv(tmp_path / "inspection.csv")
    assert [row["rank"] for row in rows] == ["1", "1", "1", "1", "2", "1"]


def test_leaks_conflicts_and_copies_are_warned_of_unless_they_are_dropped():
    paths = [f"input/train/a/{n}" for n in range(6)]
    found = [finding(path, "duplicate", 1.0) for path in paths]
    found += [finding("input/train/a/7", "in_train_and_test", 1.0)]
    found += [finding("input/test/7", "in_train_and_test", 1.0)]
    found += [finding("input/train/a/8", "label_conflict", 1.0)]
    splits = {one.path: one.path.split("/")[1] for one in found}
    leak, conflict, copies = findings.warnings(found, splits, 12, {})
    assert leak.startswith("1 test image also among the training images, so the test score is too")
    assert conflict.startswith("1 image in two classes at once")
    assert copies.startswith("8 of 12 training images are copies of others")
    dropped = findings.dropped(
        {name: name == "drop_leaks" for name in findings.DROP_PARAMS.values()}
    )
    assert findings.warnings(found, splits, 100, dropped) == [conflict]


def test_a_leaked_image_of_unknown_class_is_in_no_score():
    leaked = finding("input/test/7", "in_train_and_test", 1.0)._replace(label="")
    (message,) = findings.warnings([leaked], {leaked.path: "test"}, 100, {})
    assert "so its prediction says little about new images" in message and "score" not in message
