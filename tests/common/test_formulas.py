import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.common import files, formulas

FORMULAS = (
    "=1+1",
    "+1-1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "=cmd.jpg",
    "\uff1d1+1",
)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_that_is_written_begins_like_a_formula(text, tmp_path):
    files.write_csv(tmp_path / "a.csv", ["path"], [[text]])
    with (tmp_path / "a.csv").open(newline="") as file:
        ((cell,),) = list(csv.reader(file))[1:]
    assert cell == f"'{text}"
    assert list(files.iter_rows(tmp_path / "a.csv")) == [[text]]


@pytest.mark.parametrize("cell", ["-1", "+49", "-0.5", "-1e-05", "-", "a=b", "'", "it's", "'a'", 5])
def test_numbers_and_other_text_stay_as_they_are(cell):
    assert formulas.escape(cell) is cell
    assert formulas.unescape(str(cell)) == str(cell)


@given(st.text("=+-@'\t\r\n 1.eA\uff1d"))
def test_any_text_comes_back(text):
    assert formulas.unescape(formulas.escape(text)) == text


def test_rows_with_and_without_formulas_come_back(tmp_path):
    rows = [["a", "b"], ["x\n=1", "=1"], ["it's", "c"], ["d", "e"], ["'=2", "f"], ["g\r\n'", "h"]]
    files.write_csv(tmp_path / "a.csv", ["one", "two"], rows)
    assert list(files.iter_rows(tmp_path / "a.csv")) == rows
