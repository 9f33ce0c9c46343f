"""results/warnings.txt: what `validate` warns about, one warning per line."""

from collections.abc import Sequence
from pathlib import Path

from classifier.common import files
from classifier.common.errors import warn

PATH = Path("results/warnings.txt")


def write(path: Path, warnings: Sequence[str]) -> None:
    """Writes the warnings, and prints them to stderr."""
    for message in warnings:
        warn(message)
    with files.atomic_write(path) as part:
        text = "".join(f"{' '.join(message.split())}\n" for message in warnings)
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def read(path: Path) -> list[str]:
    """Returns the warnings."""
    return path.read_text(encoding="utf-8").splitlines()
