"""results/problems.csv: what is wrong with which file, and whether it is used."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from classifier.common import files

PATH = Path("results/problems.csv")
NO_FILE = "not a regular file, or a broken symlink"  # detail of `unreadable`
UNUSABLE = {  # codes of files that are skipped; those of usable ones: stages/validate/checks
    "empty_file": "no bytes",
    "not_an_image": "the content is of no known image format",
    "unsupported": "a HEIC image, and pillow-heif is not installed",
    "truncated": "the file ends too early",
    "unreadable": "the file cannot be opened or decoded",
    "too_large": "more pixels, bytes or memory than section `validate` of params.yaml allows",
    "too_slow": "decoding took longer than validate.decode_timeout",
    "crashed": "the decoder crashed",
}


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
