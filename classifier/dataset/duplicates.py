"""What it means that two images are the same: a leak, a label conflict or a duplicate."""

from collections import defaultdict
from collections.abc import Iterable

from classifier.dataset.folders import SPLITS
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem

CODES = (  # most serious first
    "label_conflict",
    "in_train_and_validation",
    "in_train_and_test",
    "in_validation_and_test",
    "duplicate",
)


def duplicate_code(row: ImageRow, other: ImageRow) -> str:
    """Returns what is wrong if the two images are the same, one of CODES."""
    if row.label and other.label and row.label != other.label:
        return "label_conflict"
    first, second = sorted((row.split, other.split), key=SPLITS.index)
    return "duplicate" if first == second else f"in_{first}_and_{second}"


def exact_duplicates(rows: Iterable[ImageRow]) -> list[Problem]:
    """Returns one problem, the most serious, for each file with the same bytes as another.

    Of files of the same split and class the first in path order is no duplicate.
    """
    rows = sorted(rows, key=lambda row: row.path)
    first: defaultdict[str, dict[tuple[str, str], ImageRow]] = defaultdict(dict)
    for row in rows:
        first[row.sha256].setdefault((row.split, row.label), row)
    return [
        Problem(row.path, code, f"same content as {other.path}", "kept")
        for row in rows
        for code, other in duplicates_of(row, first[row.sha256].values())[:1]
    ]


def duplicates_of(row: ImageRow, others: Iterable[ImageRow]) -> list[tuple[str, ImageRow]]:
    """Returns what is wrong with an image, most serious first, each with one image it duplicates.

    Of the same images, `others`, those of its own split and class count only if their paths come
    first, so that the first of several is no duplicate.
    """
    by_code: dict[str, ImageRow] = {}
    for other in others:
        code = duplicate_code(row, other)
        if code != "duplicate" or other.path < row.path:
            by_code.setdefault(code, other)
    return [(code, by_code[code]) for code in CODES if code in by_code]
