"""results/problems.csv: what is wrong with which file, and whether it is used."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

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


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file.

    Attributes:
        path: relative to the project, with `/` on every system.
        problem: a stable code: of UNUSABLE, of a check of `validate`, or of `duplicates.CODES`.
        detail: a sentence.
        action: `skipped` (not used) or `kept`.
    """

    path: str
    problem: str
    detail: str
    action: str


HEADER = tuple(field.name for field in fields(Problem))


def write(path: Path, problems: Iterable[Problem]) -> None:
    """Writes the problems, sorted by path and code."""
    files.write_csv(path, HEADER, sorted(map(astuple, problems)))


def read(path: Path) -> list[Problem]:
    """Returns the problems, in the order of the file."""
    return [Problem(**row) for row in files.read_csv(path)]
