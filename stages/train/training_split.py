"""Which images train, which validate and which are excluded."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence

import numpy as np

from classifier.common.errors import StageError
from classifier.dataset import folders, split
from classifier.dataset.features import FeatureTable


def split_images(
    table: FeatureTable,
    rows: np.ndarray,
    excluded: Container[str],
    validation_split: float,
    seed: int,
    copies: Mapping[str, str],
) -> np.ndarray:
    """Returns the split of each image: `train`, `validation` or `excluded`, str (N,).

    Args:
        table: features of the images of input/train and input/validation.
        rows: int (N,), the row of each image.
        excluded: paths of images that neither train nor validate.
        validation_split: fraction of each class, unless there is input/validation.
        seed: of the split.
        copies: group of each image that has near duplicates, by its hash.

    Raises:
        StageError: a class has no images left to train on.
    """
    used = np.array([path not in excluded for path in table.paths[rows].tolist()])
    splits = np.full(len(rows), split.EXCLUDED, object)
    splits[used] = _train_or_validation(table, rows[used], validation_split, seed, copies)
    in_training = set(table.labels[rows[splits == split.TRAIN]].tolist())
    missing = [name for k, name in enumerate(table.class_names) if k not in in_training]
    if missing:
        raise StageError(
            *(
                f"{(folders.INPUT / 'train' / name).as_posix()}: needs images to train on; got "
                "none: add some, remove copies in input/validation, or make smaller groups"
                for name in missing
            )
        )
    if split.VALIDATION not in splits:
        raise StageError(
            "input/labels.csv: groups must leave images to validate; got none: make smaller "
            "groups, or give images the split `validation`"
        )
    return splits


def _train_or_validation(
    table: FeatureTable,
    rows: np.ndarray,
    validation_split: float,
    seed: int,
    copies: Mapping[str, str],
) -> list[str]:
    """Returns the split of each image: its own if there are validation images, else drawn.

    Copies of a validation image among the training images validate too, so that none is in both.
    """
    hashes, splits = table.sha256[rows].tolist(), table.splits[rows].tolist()
    labels, groups = table.labels[rows].tolist(), table.groups[rows].tolist()
    copies = parts_of_classes(copies, hashes, labels)
    units = [copies.get(sha256, sha256) for sha256 in hashes]
    pairs = zip(units, splits, strict=True)
    if validation := {unit for unit, name in pairs if name == split.VALIDATION}:
        return [split.VALIDATION if unit in validation else split.TRAIN for unit in units]
    return split.assign(hashes, labels, validation_split, seed, groups, copies)


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


def content_order(table: FeatureTable, rows: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Returns the images that are not excluded, int (n,), in an order independent of names."""
    used = np.flatnonzero(splits != split.EXCLUDED)
    return used[np.lexsort((table.labels[rows[used]], table.sha256[rows[used]]))]
