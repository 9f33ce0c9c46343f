import re
import sys
from pathlib import Path

import pytest
from scipy.stats import binomtest

from classifier.commands import _comparison, compare
from classifier.commands._runs import Run
from classifier.evaluation import scored_images
from classifier.evaluation.scored_images import ScoredImage
from tests.project import copy, needs_git

OLD = [
    ScoredImage("a.jpg", "cat", "cat", 0.9, 0.5, 1),
    ScoredImage("b.jpg", "cat", "dog", 0.8, 0.5, 1),
    ScoredImage("c.jpg", "dog", "dog", 0.7, 0.5, 1),
    ScoredImage("d.jpg", "dog", "dog", 0.6, 0.5, 1),
]
NEW = [
    ScoredImage("a.jpg", "cat", "dog", 0.9, 0.5, 1),
    ScoredImage("b.jpg", "cat", "cat", 0.8, 0.5, 1),
    ScoredImage("c.jpg", "cat", "cat", 0.7, 0.5, 1),  # another class
    ScoredImage("e.jpg", "dog", "cat", 0.6, 0.5, 1),
]


def test_images_that_changed_sides_are_found_and_the_others_counted():
    found = _comparison.changes(OLD, NEW)
    assert [path for path, _, _ in found.better] == ["b.jpg"]
    assert [path for path, _, _ in found.worse] == ["a.jpg"]
    assert (found.common, found.others) == (2, 3)


@pytest.mark.parametrize(
    ("better", "worse"), [(0, 0), (1, 0), (9, 1), (17, 6), (30, 30), (4000, 4300)]
)
def test_the_part_of_chance_is_that_of_the_exact_sign_test(better, worse):
    pair = ("a.jpg", OLD[0], NEW[0])
    found = _comparison.Changes(better * [pair], worse * [pair], 100, 0)
    expected = binomtest(better, better + worse).pvalue if better + worse else 1
    assert found.chance == pytest.approx(expected)


def test_scores_and_params_of_both_runs_are_listed():
    before = Run({"validation": {"accuracy": 0.8}}, {"train": {"head": "mean"}}, {"test": None})
    after = Run(
        {"validation": {"accuracy": 0.9, "n": 4}, "test": {"accuracy": 1}},
        {"train": {"head": "mean", "folds": 5}},
        {"test": Path("unread.csv")},
    )
    text = list(compare.lines(before, after, compare.changes_by_split(before, after)))
    assert text[1].split() == ["validation", "accuracy", "0.8000", "0.9000", "+0.1000"]
    assert text[-3].split() == ["train.folds", "-", "5"]
    assert text[-1].startswith("test: the predictions of that commit are not in DVC's cache; get")
    page = compare.page(before, after, {"test": _comparison.changes(OLD, NEW)}, "<b>")
    assert "Comparison with &lt;b&gt;" in page and "Now wrong (1)" in page


@needs_git
@pytest.mark.slow
def test_a_run_is_compared_with_that_of_the_last_commit(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    path = project.folder / scored_images.VALIDATION
    lines = path.read_text().splitlines(keepends=True)
    row = next(n for n, line in enumerate(lines) if line.split(",")[1:3] == ["circle", "circle"])
    lines[row] = lines[row].replace("circle,circle", "circle,cross")
    path.unlink()
    path.write_text("".join(lines))
    command = [sys.executable, "-m", "classifier", "compare"]
    output = project.shell(*command, "--html", "results/comparison.html").stdout
    assert re.search(r"validation: of \d+ images, 0 became right and 1 wrong", output)
    assert f"now wrong: {lines[row].split(',')[0]}, circle -> cross" in output
    page = (project.folder / "results" / "comparison.html").read_text(encoding="utf-8")
    assert page.count("<img") == 1
    project.shell(*command, "--html", "results/comparison.html")  # its own page is replaced
    report = project.folder / "results" / "report.html"
    before = report.read_bytes()
    done = project.shell(*command, "--html", "results/report.html", ok=False)
    assert (done.returncode, report.read_bytes()) == (1, before)
    done = project.shell(*command, "nothing", ok=False)
    assert (done.returncode, done.stderr[:23]) == (1, "error: nothing: must be")
    assert project.shell("git", "status", "--porcelain").stdout == ""
