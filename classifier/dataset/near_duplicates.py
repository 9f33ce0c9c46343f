"""results/near_duplicates.csv: training and validation images that are copies though bytes differ.

Each row has a content and its group; the group is named after the smallest hash in it.
"""

from collections.abc import Iterable
from pathlib import Path

from classifier.common import files
from classifier.dataset.groups import representatives

PATH = Path("results/near_duplicates.csv")
HEADER = ("sha256", "group")


def write(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Writes the groups that pairs of copies form, directly or through others, by hash."""
    files.write_csv(path, HEADER, sorted(representatives(pairs).items()))


def read(path: Path) -> dict[str, str]:
    """Returns the group of each image that has copies, by its hash."""
    return {row["sha256"]: row["group"] for row in files.read_csv(path)}
