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
