"""results/excluded.csv: the training images that `train` does not use, and why."""

from collections.abc import Mapping
from pathlib import Path

from classifier.common import files

PATH = Path("results/excluded.csv")
HEADER = ("path", "reason")


def write(path: Path, reasons: Mapping[str, str]) -> None:
    """Writes the reason of each image, sorted by path."""
    files.write_csv(path, HEADER, sorted(reasons.items()))


def read(path: Path) -> dict[str, str]:
    """Returns the reason of each image, by its path."""
    return {row["path"]: row["reason"] for row in files.read_csv(path)}
