"""Which images train, which validate, and in which fold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from classifier.common.disk_array import DiskArray
from classifier.common.errors import StageError
from classifier.dataset import folders, orders, split
from classifier.dataset.features import Array, FeatureTable
from classifier.dataset.lazy_array import Selected
from stages.train import draw
from stages.train.groups import make_units
from stages.train.learning_curve import draw_parts
from stages.train.params import Params
from stages.train.units import Units

DEFAULT_FOLDS = 5  # to choose a head by, where validation images are held out


@dataclass(frozen=True)
class Plan:
    """What happens with each of N images; arrays are (N,).

    Attributes:
        images: of those given, the ones that are used: a slice of all, or int (N,), those that
            `train.most` allows.
        rounds: int, the round in which the image validates, 1 to F; 0: in none. It trains in all
            others. Held-out images have 1, and there is no other round.
        folds: int, 1 to F; the folds by which a head is chosen; in cross-validation the rounds.
        trains: bool; not for images that are excluded from training. They validate all the same,
            so that a score is of the same images whatever is excluded.
        units: int; images with equal numbers are never on two sides. In memory or on disk.
        cross_validated: whether each image validates.
        refit: whether the final head learns from the images that validate, too.
        random_folds: int, folds that tear groups apart; (0,) without groups.
        parts: int, from which fractions of the images are made; see `learning_curve`.
    """

    images: np.ndarray | slice
    rounds: np.ndarray
    folds: np.ndarray
    trains: np.ndarray
    units: np.ndarray | DiskArray
    cross_validated: bool
    refit: bool
    random_folds: np.ndarray
    parts: np.ndarray

    @property
    def numbered_folds(self) -> np.ndarray:
        """Returns the fold in which each image validates, int (N,); 0 without cross-validation."""
        return self.rounds if self.cross_validated else np.zeros_like(self.rounds)

    @property
    def excluded(self) -> np.ndarray:
        """Returns which images neither train nor are held out, bool (N,)."""
        return ~self.trains & (self.cross_validated | (self.rounds == 0))

    @property
    def learned(self) -> np.ndarray:
        """Returns the images that the final head was trained on, bool (N,)."""
        return self.trains & (self.refit | (self.rounds == 0))

    def split_rows(
        self, order: np.ndarray, paths: Array, rows: np.ndarray
    ) -> Iterator[tuple[str, str, str]]:
        """Yields the rows of results/split.csv.

        Args:
            order: int (N,), of the images.
            paths: str (R,).
            rows: int (N,), the row of each image.
        """
        held_out = (self.rounds > 0) & (not self.cross_validated)
        for block in orders.blocks(len(order)):
            images = order[block]
            names = np.where(held_out[images], split.VALIDATION, split.TRAIN)
            names = np.where(self.excluded[images], split.EXCLUDED, names)
            folds = (str(fold or "") for fold in self.numbered_folds[images].tolist())
            yield from zip(paths[rows[images]].tolist(), names.tolist(), folds, strict=True)


def make_plan(
    table: FeatureTable,
    rows: np.ndarray,
    excluded: Collection[str],
    copies: Mapping[str, str],
    settings: Params,
) -> Plan:
    """Returns which images train and which validate.

    Images of input/validation validate where there are any, together with their copies among the
    training images; else each image validates in one of `folds` folds, or, where that is 0, a
    fraction `validation_split` of each class is held out.

    Args:
        table: features of the images of input/train and input/validation.
        rows: int (M,), the row of each image.
        excluded: paths of images that do not train.
        copies: group of each image that has near duplicates, by its hash.
        settings: section `train`.

    Raises:
        StageError: a class has no images left to train on, or no image validates.
    """
    labels, given = table.labels[rows], listed_in([split.VALIDATION], table.splits, rows)
    trains = ~listed_in(excluded, table.paths, rows)
    first, content = orders.unique_hashes(table.sha256, rows)
    contents = Selected(table.sha256, rows[first], np.dtype("S32"))
    del first
    alone = Units(content, [], contents)
    units = make_units(table.groups, rows, contents, content, copies, labels, trains, given)
    images: np.ndarray | slice = slice(None)
    if settings.most:
        images = orders.true_places(draw.most(units, labels, given, settings.most))
        labels, given, trains = (one[images] for one in (labels, given, trains))
        units, alone = units.subset(images), alone.subset(images)
    n_folds, seed = settings.folds or DEFAULT_FOLDS, settings.seed
    folds, numbers = draw.folds(units, labels, n_folds, seed), units.ranks
    cross_validated = bool(settings.folds and not given.any())
    random_folds = folds[:0]
    if given.any():
        rounds = np.isin(units.numbers, units.numbers[given]).astype(folds.dtype)
    elif cross_validated:
        rounds = folds
        if numbers.max() + 1 < len(alone):
            random_folds = draw.folds(alone, labels, n_folds, seed)
    else:
        validates = draw.validates(units, labels, settings.validation_split, seed)
        rounds = validates.astype(folds.dtype)
    plan = Plan(
        images=images,
        rounds=rounds,
        folds=folds,
        trains=trains,
        units=numbers,
        cross_validated=cross_validated,
        refit=cross_validated or settings.refit,
        random_folds=random_folds,
        parts=draw_parts(units, labels, seed),
    )
    _check(plan, labels, table.class_names.tolist(), settings.most)
    return plan


def _check(plan: Plan, labels: np.ndarray, class_names: Sequence[str], most: int) -> None:
    """Raises a StageError where a class would have no image to train on."""
    missing = set()
    for number in np.unique(plan.rounds[plan.rounds > 0]):
        present = np.bincount(labels[plan.trains & (plan.rounds != number)], None, len(class_names))
        missing |= set(np.flatnonzero(present == 0).tolist())
    remedy = "raise train.most, " if most else ""
    if missing:
        raise StageError(
            *(
                f"{(folders.INPUT / 'train' / class_names[k]).as_posix()}: needs images to train "
                f"on{' in every fold' if plan.cross_validated else ''}; got none: {remedy}add "
                "some, remove copies from the validation images, or make smaller groups"
                for k in sorted(missing)
            )
        )
    if not plan.rounds.any():
        raise StageError(
            "groups of images: must leave images to validate; got none: make smaller groups, or "
            "give images the split `validation`"
        )


def listed_in(names: Collection[str], texts: Array, rows: np.ndarray) -> np.ndarray:
    """Returns which of some rows have a text that is listed, bool (N,)."""
    found = np.zeros(len(rows), bool)
    for block in orders.blocks(len(rows) if names else 0):
        found[block] = [text in names for text in texts[rows[block]].tolist()]
    return found


def content_order(table: FeatureTable, rows: np.ndarray) -> np.ndarray:
    """Returns the images in an order independent of names, by hash, int32 (N,)."""
    order, done = np.empty(len(rows), np.int32), 0
    for images, hashes in orders.hash_blocks(table.sha256, rows):
        order[done : done + len(images)] = images[np.lexsort((table.labels[rows[images]], hashes))]
        done += len(images)
    return order
