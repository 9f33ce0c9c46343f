"""results/problems.csv: what is wrong with which file, and what was done about it."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from classifier.common import files

PATH = Path("results/problems.csv")
NO_FILE = "not a file, or a link to nothing"


@dataclass(frozen=True)
class Problem:
    """A fault of a file.

    Attributes:
        path: relative to the project, with `/` on every system.
        problem: stable code: truncated, not_an_image, empty_file, unreadable, too_large,
            unsupported, too_slow, crashed; tiny, extreme_shape; and those of `mixups`.
        detail: a sentence.
        action: `skipped` (used nowhere) or `kept`.
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
