"""results/excluded.csv: the training images that `train` does not use, and why."""

from collections.abc import Iterable
from pathlib import Path

from classifier.common import files

PATH = Path("results/excluded.csv")
HEADER = ("path", "reason")


def write(path: Path, reasons: Iterable[tuple[str, str]]) -> int:
    """Writes the path and the reason of each image, in path order; returns the number of images."""
    written = 0
    with files.open_csv(path, HEADER) as table:
        for written, row in enumerate(reasons, 1):  # noqa: B007 the last number counts
            table.writerow(row)
    return written


def read(path: Path) -> dict[str, str]:
    """Returns the reason of each image, by its path."""
    return dict(row for row in files.iter_rows(path) if row)
