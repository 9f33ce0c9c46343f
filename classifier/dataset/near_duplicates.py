"""results/near_duplicates.csv: training and validation images that are copies though bytes differ.

Each row has a content and its group; the group is named after the smallest hash in it.
"""

from collections.abc import Iterable
from pathlib import Path

from classifier.common import files

PATH = Path("results/near_duplicates.csv")
HEADER = ("sha256", "group")


def write(path: Path, groups: Iterable[tuple[str, str]]) -> None:
    """Writes hashes, ascending, and their groups."""
    files.write_csv(path, HEADER, groups)


def read(path: Path) -> dict[str, str]:
    """Returns the group of each image that has copies, by its hash."""
    return dict(row for row in files.iter_rows(path) if row)
