"""results/leaks.csv: test images that are also training images, so that their score is none."""

from collections.abc import Mapping
from pathlib import Path

from classifier.common import files

PATH = Path("results/leaks.csv")
HEADER = ("path", "copy_of")


def write(path: Path, copies: Mapping[str, str]) -> None:
    """Writes the training image of each test image, by path."""
    files.write_csv(path, HEADER, sorted(copies.items()))


def read(path: Path) -> dict[str, str]:
    """Returns the training image that each test image is a copy of, by its path."""
    return {row["path"]: row["copy_of"] for row in files.read_csv(path)}
