"""results/problems.csv: what is wrong with which file, and whether it is used."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from classifier.common import files

PATH = Path("results/problems.csv")
NO_FILE = "not a regular file, or a broken symlink"  # detail of `unreadable`
UNUSABLE = (  # codes of skipped files; those of usable ones: stages/validate/checks.py
    "empty_file",
    "not_an_image",
    "unsupported",
    "truncated",
    "unreadable",
    "too_large",
    "too_slow",
    "crashed",
)


class Problem(NamedTuple):
    """Something wrong with a file."""

    path: str  # relative to the project, with `/` on every system
    problem: str  # a code: of UNUSABLE, of a check of `validate`, or of `duplicates.CODES`
    detail: str  # a sentence
    action: str  # `skipped` (not used) or `kept`
    split: str = ""  # of a skipped file


def write(path: Path, problems: Iterable[Problem]) -> None:
    """Writes the problems, sorted by path and code."""
    files.write_csv(path, Problem._fields, sorted(problems))


def iter_rows(path: Path) -> Iterator[Problem]:
    """Yields the problems, in the order of the file."""
    return (Problem(*cells) for cells in files.iter_rows(path))


def read(path: Path) -> list[Problem]:
    """Returns the problems, in the order of the file."""
    return list(iter_rows(path))
