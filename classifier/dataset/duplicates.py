"""What it means that two images are the same."""

from collections import defaultdict
from collections.abc import Iterable

from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem

CODES = (  # gravest first
    "label_conflict",
    "in_train_and_validation",
    "in_train_and_test",
    "in_validation_and_test",
    "duplicate",
)
ORDER = ("train", "validation", "test")


def duplicate_code(row: ImageRow, other: ImageRow) -> str:
    """Returns what is amiss with an image that is the same as another.

    An image of two classes is a `label_conflict`, one of two splits a leak (`in_train_and_test`,
    `in_train_and_validation`, `in_validation_and_test`), else it is a `duplicate`.
    """
    if row.label and other.label and row.label != other.label:
        return "label_conflict"
    one, two = sorted((row.split, other.split), key=ORDER.index)
    return "duplicate" if one == two else f"in_{one}_and_{two}"


def exact_duplicates(rows: Iterable[ImageRow]) -> list[Problem]:
    """Returns what is amiss with files of the same bytes; all are kept.

    Of two of the same split and class the second is reported, else both; of a file only the
    gravest is.
    """
    rows = sorted(rows, key=lambda row: row.path)
    first: defaultdict[str, dict[tuple[str, str], ImageRow]] = defaultdict(dict)
    for row in rows:
        first[row.sha256].setdefault((row.split, row.label), row)
    return [
        Problem(row.path, mixed, f"same content as {other.path}", "kept")
        for row in rows
        for mixed, other in duplicates_of(row, first[row.sha256].values())[:1]
    ]


def duplicates_of(row: ImageRow, others: Iterable[ImageRow]) -> list[tuple[str, ImageRow]]:
    """Returns what is amiss with an image that is the same as others, each with the first such.

    Args:
        row: the image.
        others: those that it is the same as; of its own class and split one before it in path
            order counts alone, so of several the first is no duplicate.
    """
    found: dict[str, ImageRow] = {}
    for other in others:
        mixed = duplicate_code(row, other)
        if mixed != "duplicate" or other.path < row.path:
            found.setdefault(mixed, other)
    return [(mixed, found[mixed]) for mixed in CODES if mixed in found]
