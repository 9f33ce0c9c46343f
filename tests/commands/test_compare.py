import re
import sys

import pytest

from classifier.commands import compare
from classifier.comparison import changes
from classifier.comparison.comparison import Comparison
from classifier.evaluation import scored_images
from tests.project import copy, needs_git
from tests.test_comparison import FIRST, NEW, OLD


def test_the_lines_and_the_page_show_scores_params_and_images(inside):
    scores = [("validation macro_f1", 0.8, 0.75)]
    splits = {"validation": changes.find(OLD, NEW, 120), "test": "not there"}
    found = Comparison(FIRST, scores, [("train.folds", "-", "5")], splits)
    text = list(compare.lines(found))
    assert text[1].split() == ["validation", "macro", "F1", "0.8000", "0.7500", "-0.0500"]
    assert text[4].split() == ["train.folds", "-", "5"]
    assert text[7] == "  now wrong: a.jpg, cat -> dog" and text[-1] == "test: not there"
    page = compare.page(found, "<b>")
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
    changed = lines[row].split(",")[0]
    assert f"now wrong: {changed}, circle -> cross" in output
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
