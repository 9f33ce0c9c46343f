"""results/warnings.txt: what `validate` warns about, one warning per line."""

from collections.abc import Sequence
from pathlib import Path

from classifier.common import files
from classifier.common.errors import warn

PATH = Path("results/warnings.txt")
NONE = "no warnings"  # DVC itself would warn about an empty file, again in each stage


def write(path: Path, warnings: Sequence[str]) -> None:
    """Writes the warnings, and prints them to stderr."""
    lines = [" ".join(message.split()) for message in warnings]
    lines = [line.encode("utf-8", "backslashreplace").decode("utf-8") for line in lines]
    for line in lines:
        warn(line)
    with files.atomic_write(path) as part:
        text = "".join(f"{line}\n" for line in lines or [NONE])
        part.write_text(text, encoding="utf-8", newline="\n")


def read(path: Path) -> list[str]:
    """Returns the warnings."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [] if lines == [NONE] else lines
