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
                f"{(folders.INPUT / 'train' / name).as_posix()}: needs images that are not in "
                "input/validation too; got none: add some, or remove their copies there"
                for name in missing
            )
        )
    return splits


def _train_or_validation(
    table: FeatureTable, rows: np.ndarray, validation_split: float, seed: int
) -> list[str]:
    """Returns the split of each image: as its folder says if there is input/validation, else drawn.

    Copies of an image of input/validation in input/train validate too, so that none is in both.
    """
    hashes, paths = table.sha256[rows].tolist(), table.paths[rows].tolist()
    folder = (folders.INPUT / split.VALIDATION).as_posix() + "/"
    pairs = zip(paths, hashes, strict=True)
    if validation := {sha256 for path, sha256 in pairs if path.startswith(folder)}:
        return [split.VALIDATION if sha256 in validation else split.TRAIN for sha256 in hashes]
    return split.assign(hashes, table.labels[rows].tolist(), validation_split, seed)


def content_order(table: FeatureTable, rows: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Returns the images that are not excluded, int (n,), in an order independent of names."""
    used = np.flatnonzero(splits != split.EXCLUDED)
    return used[np.lexsort((table.labels[rows[used]], table.sha256[rows[used]]))]
