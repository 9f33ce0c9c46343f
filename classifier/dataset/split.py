"""results/split.csv: which image trains and which validates, decided by its content alone."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from classifier.common import files

PATH = Path("results/split.csv")
TRAIN, VALIDATION = "train", "validation"
EXCLUDED = "left_out"  # of both, as params.yaml asks
HEADER = ("path", "fold")


def assign(
    sha256: Sequence[str], labels: Sequence[int], validation_split: float, seed: int
) -> list[str]:
    """Returns the fold of each image, `train` or `validation`.

    A content's number between 0 and 1, hashed from it and the seed, is below `validation_split`
    for those that validate: other images, names and folders have no say, and the same content
    is always on one side. So the share is met on average, not in each class. Only where a class
    is left with nothing on one side its image of the most extreme number goes there; that one
    may go back once the class has grown.

    Args:
        sha256: content hash of each image.
        labels: class index of each.
        validation_split: share that validates, between 0 and 1, to be expected in each class.
        seed: another one draws another split.
    """
    place = {content: _number(content, seed) for content in sha256}
    validates = {content: number < validation_split for content, number in place.items()}
    for label in sorted(set(labels)):
        own = {c for c, other in zip(sha256, labels, strict=True) if other == label}
        order = sorted(own, key=lambda content: (place[content], content))
        if len(order) > 1 and len({validates[content] for content in order}) == 1:
            validates[order[0]], validates[order[-1]] = True, False
    return [VALIDATION if validates[content] else TRAIN for content in sha256]


def _number(content: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {content}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)


def write(path: Path, paths: Sequence[str], folds: Sequence[str]) -> None:
    """Writes the fold of every image, in the order given."""
    files.write_csv(path, HEADER, zip(paths, folds, strict=True))


def read(path: Path) -> dict[str, str]:
    """Returns the fold of every image by its path."""
    return {row["path"]: row["fold"] for row in files.read_csv(path)}
