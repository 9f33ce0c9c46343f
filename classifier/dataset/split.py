"""results/split.csv: which images train and which validate, by their content."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from classifier.common import files

PATH = Path("results/split.csv")
TRAIN, VALIDATION = "train", "validation"
EXCLUDED = "excluded"  # from both: see results/excluded.csv
HEADER = ("path", "split")


def assign(
    sha256: Sequence[str], labels: Sequence[int], validation_split: float, seed: int
) -> list[str]:
    """Returns the split of each image, `train` or `validation`.

    Content and seed are hashed to a number between 0 and 1; an image validates if its number is
    below `validation_split`. So other images, names and folders do not matter, equal contents
    are in the same split, and the fraction holds on average, not exactly in each class. A class
    with all images in one split moves the image with the lowest number to validation, or the one
    with the highest to training.
    """
    numbers = {content: _number(content, seed) for content in sha256}
    validates = {content: number < validation_split for content, number in numbers.items()}
    for label in sorted(set(labels)):
        contents = {c for c, other in zip(sha256, labels, strict=True) if other == label}
        order = sorted(contents, key=lambda content: (numbers[content], content))
        if len(order) > 1 and len({validates[content] for content in order}) == 1:
            validates[order[0]], validates[order[-1]] = True, False
    return [VALIDATION if validates[content] else TRAIN for content in sha256]


def _number(content: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {content}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)


def write(path: Path, paths: Sequence[str], splits: Sequence[str]) -> None:
    """Writes the split of each image, in the order given."""
    files.write_csv(path, HEADER, zip(paths, splits, strict=True))


def read(path: Path) -> dict[str, str]:
    """Returns the split of each image, by its path."""
    return {row["path"]: row["split"] for row in files.read_csv(path)}
