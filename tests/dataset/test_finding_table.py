import tracemalloc
from collections import Counter

import pytest

from classifier.common.scratch import Scratch
from classifier.dataset import finding_table
from classifier.dataset.finding_table import FindingTable
from classifier.dataset.findings import FINDINGS, Finding
from classifier.dataset.manifest import ImageRow


def finding(path: str, code: str, score: float, other: str = "") -> Finding:
    return Finding(path, "a", code, score, "", other, "a sentence, with a comma")


UNSORTED = [
    finding("a", "outlier", 9.0),
    finding("b", "wrong_label", 0.5),
    finding("\U0001f600", "wrong_label", 0.75),
    finding("\uffee", "wrong_label", 0.75),
    finding("d", "label_conflict", 0.875, "second"),
    finding("d", "label_conflict", 0.875, "first"),
    finding("b", "in_train_and_test", 1.0),
    finding("e", "duplicate", 1.0),
]


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_most_serious_kind_comes_first_then_the_highest_score(batch, tmp_path, monkeypatch):
    monkeypatch.setattr(finding_table, "BATCH", batch)
    with Scratch(tmp_path) as scratch:
        table = FindingTable(scratch)
        table.add(UNSORTED[:5])
        table.add(UNSORTED[5:])
        found = list(table)
    assert found == sorted(
        UNSORTED, key=lambda one: (FINDINGS.index(one.finding), -one.score, one.path)
    )
    assert table.counts == Counter(one.finding for one in UNSORTED)


def test_every_image_has_the_kinds_of_its_findings(tmp_path):
    paths = ("a", "b", "c", "d", "e", "z", "\uffee", "\U0001f600")
    rows = [ImageRow(path, "train", "a", "", 1, 1, "PNG") for path in paths]
    with Scratch(tmp_path) as scratch:
        table = FindingTable(scratch)
        assert [kinds for _, kinds in table.by_image(rows)] == [[]] * len(rows)
        table.add(UNSORTED)
        found = list(table.by_image(rows))
    assert [row for row, _ in found] == rows
    by_path = {row.path: kinds for row, kinds in found}
    assert by_path["b"] == ["in_train_and_test", "wrong_label"] and by_path["z"] == []
    assert by_path["d"] == ["label_conflict"] * 2 and by_path["\U0001f600"] == ["wrong_label"]


def test_many_findings_take_no_more_memory_than_few(tmp_path):
    peaks = []
    for count in (20_000, 80_000):  # in a list 80,000 take 30 MB
        tracemalloc.start()
        with Scratch(tmp_path) as scratch:
            table = FindingTable(scratch)
            table.add(finding(f"{number:06}", "outlier", number % 999) for number in range(count))
            assert sum(1 for _ in table) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000
