"""results/left_out.csv: the training pictures that `train` is to leave out, and why."""

from collections.abc import Mapping
from pathlib import Path

from stages import outputs

PATH = Path("results/left_out.csv")
HEADER = ("path", "reason")


def write(path: Path, reasons: Mapping[str, str]) -> None:
    """Writes the pictures, sorted by path; mostly there are none."""
    outputs.write_csv(path, HEADER, sorted(reasons.items()))


def read(path: Path) -> dict[str, str]:
    """Returns the reason of each picture by its path."""
    return {row["path"]: row["reason"] for row in outputs.read_csv(path)}
