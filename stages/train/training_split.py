"""Which images train, which validate and which are excluded."""

from collections.abc import Container

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
) -> np.ndarray:
    """Returns the split of each image: `train`, `validation` or `excluded`, str (N,).

    Args:
        table: features of the images of input/train and input/validation.
        rows: int (N,), the row of each image.
        excluded: paths of images that neither train nor validate.
        validation_split: fraction of each class, unless there is input/validation.
        seed: of the split.

    Raises:
        StageError: a class has no images left to train on.
    """
    used = np.array([path not in excluded for path in table.paths[rows].tolist()])
    splits = np.full(len(rows), split.EXCLUDED, object)
    splits[used] = _train_or_validation(table, rows[used], validation_split, seed)
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
    table: FeatureTable, rows: np.ndarray, validation_split: float, seed: int
) -> list[str]:
    """Returns the split of each image: its own if there are validation images, else drawn.

    Copies of a validation image among the training images validate too, so that none is in both.
    """
    hashes, splits = table.sha256[rows].tolist(), table.splits[rows].tolist()
    pairs = zip(hashes, splits, strict=True)
    if validation := {sha256 for sha256, name in pairs if name == split.VALIDATION}:
        return [split.VALIDATION if sha256 in validation else split.TRAIN for sha256 in hashes]
    groups = table.groups[rows].tolist()
    return split.assign(hashes, table.labels[rows].tolist(), validation_split, seed, groups)


def content_order(table: FeatureTable, rows: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Returns the images that are not excluded, int (n,), in an order independent of names."""
    used = np.flatnonzero(splits != split.EXCLUDED)
    return used[np.lexsort((table.labels[rows[used]], table.sha256[rows[used]]))]
