"""results/split.csv: which images train and which validate, by their content."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from classifier.common import files
from classifier.dataset.groups import representatives

PATH = Path("results/split.csv")
TRAIN, VALIDATION = "train", "validation"
EXCLUDED = "excluded"  # from both: see results/excluded.csv
GROUP = "#"  # before the name of a group, which then sorts before all contents
HEADER = ("path", "split")


def assign(
    sha256: Sequence[str],
    labels: Sequence[int],
    validation_split: float,
    seed: int,
    groups: Sequence[str] = (),
    copies: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Returns the split of each image, `train` or `validation`.

    Content and seed are hashed to a number between 0 and 1; an image validates if its number is
    below `validation_split`. So other images, names and folders do not matter, equal contents
    are in the same split, and the fraction holds on average, not exactly in each class. Of images
    with a group, the group's name is hashed, and so all are in the same split; so are the copies
    of an image, whose group is named in `copies` by their hash. A class with all images in one
    split moves the content or group with the lowest number to validation, or the one with the
    highest to training.
    """
    units = _units(sha256, groups or [""] * len(sha256), copies)
    numbers = {unit: _number(unit, seed) for unit in units}
    validates = {unit: number < validation_split for unit, number in numbers.items()}
    for label in sorted(set(labels)):
        own = {unit for unit, other in zip(units, labels, strict=True) if other == label}
        order = sorted(own, key=lambda unit: (numbers[unit], unit))
        if len({validates[unit] for unit in order}) == 1:
            if len(order) > 1:
                validates[order[0]] = True
            validates[order[-1]] = False
    return [VALIDATION if validates[unit] else TRAIN for unit in units]


def _units(sha256: Sequence[str], groups: Sequence[str], copies: Mapping[str, str]) -> list[str]:
    """Returns what is drawn: contents, or groups where there are any."""
    named = zip(sha256, groups, strict=True)
    pairs = [(content, *([GROUP + group] if group else [])) for content, group in named]
    pairs += [(content, copies[content]) for content in sha256 if content in copies]
    units = representatives(pairs)
    return [units[content] for content in sha256]


def _number(content: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {content}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)


def write(path: Path, paths: Sequence[str], splits: Sequence[str]) -> None:
    """Writes the split of each image, in the order given."""
    files.write_csv(path, HEADER, zip(paths, splits, strict=True))


def read(path: Path) -> dict[str, str]:
    """Returns the split of each image, by its path."""
    return {row["path"]: row["split"] for row in files.read_csv(path)}
