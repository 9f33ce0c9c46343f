"""results/split.csv: which images train, which validate and in which fold, by their content."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from classifier.common import files
from classifier.dataset.groups import representatives

PATH = Path("results/split.csv")
TRAIN, VALIDATION = "train", "validation"
EXCLUDED = "excluded"  # from training: see results/excluded.csv
GROUP = "#"  # before the name of a group, which then sorts before all contents
HEADER = ("path", "split", "fold")


def units(
    sha256: Sequence[str],
    groups: Sequence[str] = (),
    copies: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Returns what each image is drawn with: its content, or the group it is in.

    Args:
        sha256: content of each image.
        groups: name of the group of each image, or "".
        copies: group of each image that has near duplicates, by its hash.
    """
    named = zip(sha256, groups or [""] * len(sha256), strict=True)
    pairs = [(content, *([GROUP + group] if group else [])) for content, group in named]
    pairs += [(content, copies[content]) for content in sha256 if content in copies]
    names = representatives(pairs)
    return [names[content] for content in sha256]


def assign(
    units: Sequence[str], labels: Sequence[int], validation_split: float, seed: int
) -> list[str]:
    """Returns the split of each image, `train` or `validation`.

    Unit and seed are hashed to a number between 0 and 1; an image validates if its number is
    below `validation_split`. So other images, names and folders do not matter, images of one unit
    are in the same split, and the fraction holds on average, not exactly in each class. A class
    with all images in one split moves the unit with the lowest number to validation, or the one
    with the highest to training.

    Args:
        units: of each image, from `units`.
        labels: of each image.
        validation_split: expected fraction that validates, 0 to 1.
        seed: of the draw.
    """
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


def assign_folds(units: Sequence[str], labels: Sequence[int], n_folds: int, seed: int) -> list[int]:
    """Returns the fold of each image, 1 to `n_folds`; images of one unit are in the same fold.

    Units are dealt out, the largest first and then by a hash of unit and seed, each to the fold
    with the fewest images of its class, and among these to the one with the fewest images. So the
    folds depend on neither names nor the order of the images.
    """
    members: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for unit, label in zip(units, labels, strict=True):
        members[unit][label] += 1
    order = sorted(members, key=lambda one: (-members[one].total(), _number(one, seed), one))
    sizes = [0] * n_folds
    of_class: defaultdict[int, list[int]] = defaultdict(lambda: [0] * n_folds)
    folds = {}
    for unit in order:
        counts = members[unit]
        label = min(counts, key=lambda one: (-counts[one], one))
        own = of_class[label]
        fold = min(range(n_folds), key=lambda one: (own[one], sizes[one], one))
        folds[unit] = fold + 1
        sizes[fold] += counts.total()
        for each, n_images in counts.items():
            of_class[each][fold] += n_images
    return [folds[unit] for unit in units]


def _number(content: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {content}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)


def write(
    path: Path, paths: Sequence[str], splits: Sequence[str], folds: Iterable[int | str]
) -> None:
    """Writes the split and the fold of each image, in the order given; "" where there is none."""
    files.write_csv(path, HEADER, zip(paths, splits, folds, strict=True))


def iter_rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yields the path and the split of each image, in path order."""
    return ((image, name) for image, name, _ in files.iter_rows(path))


def read(path: Path) -> dict[str, str]:
    """Returns the split of each image, by its path."""
    return dict(iter_rows(path))
