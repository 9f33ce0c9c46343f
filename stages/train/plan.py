"""Which images train, which validate, and in which fold."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from classifier.common.errors import StageError
from classifier.dataset import folders, split
from classifier.dataset.features import FeatureTable, hex_hashes
from classifier.dataset.groups import EXIF, listed
from stages.train.learning_curve import draw_parts
from stages.train.params import Params

DEFAULT_FOLDS = 5  # to choose a head by, where validation images are held out


@dataclass(frozen=True)
class Plan:
    """What happens with each of N images; arrays are (N,).

    Attributes:
        rounds: int, the round in which the image validates, 1 to F; 0: in none. It trains in all
            others. Held-out images have 1, and there is no other round.
        folds: int, 1 to F; the folds by which a head is chosen; in cross-validation the rounds.
        trains: bool; not for images that are excluded from training. They validate all the same,
            so that a score is of the same images whatever is excluded.
        units: int; images with equal numbers are never on two sides.
        cross_validated: whether each image validates.
        random_folds: int, folds that tear groups apart; (0,) without groups.
        parts: int, from which fractions of the images are made; see `learning_curve`.
    """

    rounds: np.ndarray
    folds: np.ndarray
    trains: np.ndarray
    units: np.ndarray
    cross_validated: bool
    random_folds: np.ndarray
    parts: np.ndarray

    @property
    def numbered_folds(self) -> np.ndarray:
        """Returns the fold in which each image validates, int (N,); 0 without cross-validation."""
        return self.rounds if self.cross_validated else np.zeros_like(self.rounds)

    @property
    def splits(self) -> np.ndarray:
        """Returns the values of column `split` of results/split.csv, str (N,)."""
        held_out = (self.rounds > 0) & (not self.cross_validated)
        splits = np.where(held_out, split.VALIDATION, split.TRAIN)
        return np.where(self.trains | held_out, splits, split.EXCLUDED)


def make_plan(
    table: FeatureTable,
    rows: np.ndarray,
    excluded: Container[str],
    copies: Mapping[str, str],
    settings: Params,
) -> Plan:
    """Returns which images train and which validate.

    Images of input/validation validate where there are any, together with their copies among the
    training images; else each image validates in one of `folds` folds, or, where that is 0, a
    fraction `validation_split` of each class is held out.

    Args:
        table: features of the images of input/train and input/validation.
        rows: int (N,), the row of each image.
        excluded: paths of images that do not train.
        copies: group of each image that has near duplicates, by its hash.
        settings: section `train`.

    Raises:
        StageError: a class has no images left to train on, or no image validates.
    """
    hashes, labels = hex_hashes(table.sha256[rows]), table.labels[rows].tolist()
    copies = parts_of_classes(copies, hashes, labels)
    trains = np.array([path not in excluded for path in table.paths[rows].tolist()])
    names, given = table.groups[rows].tolist(), table.splits[rows] == split.VALIDATION
    names = listed(names) if given.any() else drawable(names, hashes, labels, trains, copies)
    units = split.units(hashes, names, copies)
    n_folds, seed = settings.folds or DEFAULT_FOLDS, settings.seed
    folds = np.array(split.assign_folds(units, labels, n_folds, seed))
    cross_validated = bool(settings.folds and not given.any())
    random_folds = np.zeros(0, int)
    if given.any():
        validation = {unit for unit, one in zip(units, given.tolist(), strict=True) if one}
        rounds = np.array([int(unit in validation) for unit in units])
    elif cross_validated:
        rounds = folds
        if len(set(units)) < len(set(hashes)):
            random_folds = np.array(split.assign_folds(hashes, labels, n_folds, seed))
    else:
        splits = split.assign(units, labels, settings.validation_split, seed)
        rounds = np.array([int(name == split.VALIDATION) for name in splits])
    _, numbers = np.unique(np.array(units, object), return_inverse=True)
    parts = draw_parts(units, labels, seed)
    plan = Plan(rounds, folds, trains, numbers, cross_validated, random_folds, parts)
    _check(plan, table.labels[rows], table.class_names.tolist())
    return plan


def _check(plan: Plan, labels: np.ndarray, class_names: Sequence[str]) -> None:
    """Raises a StageError where a class would have no image to train on."""
    missing = set()
    for number in np.unique(plan.rounds[plan.rounds > 0]):
        present = np.bincount(labels[plan.trains & (plan.rounds != number)], None, len(class_names))
        missing |= set(np.flatnonzero(present == 0).tolist())
    if missing:
        raise StageError(
            *(
                f"{(folders.INPUT / 'train' / class_names[k]).as_posix()}: needs images to train "
                f"on{' in every fold' if plan.cross_validated else ''}; got none: add some, remove "
                "copies in input/validation, or make smaller groups"
                for k in sorted(missing)
            )
        )
    if not plan.rounds.any():
        raise StageError(
            "input/labels.csv: groups must leave images to validate; got none: make smaller "
            "groups, or give images the split `validation`"
        )


def drawable(
    names: Sequence[str],
    hashes: Sequence[str],
    labels: Sequence[int],
    trains: np.ndarray,
    copies: Mapping[str, str],
) -> list[str]:
    """Returns the names of groups, without those from EXIF that hold a whole class.

    Where one camera took all images of a class in one go, none of them could validate.
    """
    units = defaultdict(set)
    for unit, label in compress(
        zip(split.units(hashes, names, copies), labels, strict=True), trains.tolist()
    ):
        units[label].add(unit)
    whole = {label for label, of_class in units.items() if len(of_class) == 1}
    pairs = zip(names, labels, strict=True)
    dropped = {name for name, label in pairs if label in whole and name.startswith(EXIF)}
    return ["" if name in dropped else name for name in names]


def parts_of_classes(
    copies: Mapping[str, str], hashes: Sequence[str], labels: Sequence[int]
) -> dict[str, str]:
    """Returns the groups of copies, without those that hold a whole class.

    Where all images of a class look alike, none of them could validate.
    """
    units = defaultdict(set)
    for sha256, label in zip(hashes, labels, strict=True):
        units[label].add(copies.get(sha256, sha256))
    whole = {unit for of_class in units.values() if len(of_class) == 1 for unit in of_class}
    return {sha256: group for sha256, group in copies.items() if group not in whole}


def content_order(table: FeatureTable, rows: np.ndarray) -> np.ndarray:
    """Returns the images in an order independent of names, int (N,)."""
    return np.lexsort((table.labels[rows], table.sha256[rows]))
