"""results/split.csv: which images train, which validate and in which fold."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from classifier.common import files

PATH = Path("results/split.csv")
TRAIN, VALIDATION = "train", "validation"
EXCLUDED = "excluded"  # from training: see results/excluded.csv
HEADER = ("path", "split", "fold")


def write(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Writes path, split and fold of each image, in path order; "" where there is no fold."""
    files.write_csv(path, HEADER, rows)


def iter_rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yields the path and the split of each image, in path order."""
    return ((image, name) for image, name, _ in files.iter_rows(path))


def read(path: Path) -> dict[str, str]:
    """Returns the split of each image, by its path."""
    return dict(iter_rows(path))
