from classifier.dataset import problems
from classifier.dataset.problems import Problem


def test_problems_are_written_sorted_and_read_back(tmp_path):
    first = Problem("a.jpg", "truncated", "ends early, they say", "skipped")
    second = Problem("b.jpg", "duplicate", 'same as "a"', "kept")
    problems.write(tmp_path / "problems.csv", [second, first])
    assert problems.read(tmp_path / "problems.csv") == [first, second]


def test_the_columns_are_the_documented_ones(tmp_path):
    problems.write(tmp_path / "problems.csv", [])
    assert (tmp_path / "problems.csv").read_text() == "path,problem,detail,action,split\n"
