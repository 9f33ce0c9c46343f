"""What there is to find about the images, in little memory however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.cache.results import ResultCache
from classifier.common import heap
from classifier.common.disk_array import ComputedRows, DiskArray
from classifier.common.scratch import Scratch
from classifier.dataset.features import FeatureTable
from classifier.dataset.finding_table import FindingTable
from classifier.dataset.groups import EXIF, numbered
from classifier.dataset.lazy_array import Selected
from classifier.dataset.npz import StoredArray
from classifier.similarity.pca import PCA, normalize
from stages.inspect import (
    copies,
    kept_axes,
    label_errors,
    near_duplicates,
    outliers,
    similar_images,
    training_neighbours,
)
from stages.inspect.contents import Contents
from stages.inspect.copy_groups import copy_groups
from stages.inspect.image_findings import judged_findings
from stages.inspect.label_errors import LabelErrors
from stages.inspect.selected_images import is_in, select_images
from stages.inspect.training_neighbours import TrainingNeighbours
from stages.inspect.unique_images import UniqueImages

NONE = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Inspection:
    """What is found.

    Attributes:
        findings: about copies, labels and outliers; those from input/labels.csv are still to come.
        copies: the hash and the group of each content of training and validation images that is a
            copy of another, by hash; a group is named after the smallest hash in it.
        similarities: float64 (N,), in the order of images.csv, to the nearest training image of
            another group; NaN if not known.
    """

    findings: FindingTable
    copies: Iterator[tuple[str, str]]
    similarities: Selected


def inspect_images(
    images_csv: Path,
    hashes: StoredArray,
    train: FeatureTable,
    test: FeatureTable,
    folder: Path,
    cache: ResultCache,
    scratch: Scratch,
) -> Inspection:
    """Returns all that is found.

    Args:
        images_csv: results/images.csv.
        hashes: uint8 (N, 32), perceptual hashes in the order of images_csv.
        train: features of the training and validation images.
        test: features of the test images.
        folder: of the cache.
        cache: of compared images.
        scratch: for what does not fit into memory, open until the result has been used.
    """
    contents = Contents.of(train, test, hashes, scratch)
    unique = contents.unique
    values, pca = kept_axes.reduce_features(train, test, unique, folder, scratch)
    heap.return_above(heap.LARGE)
    found = FindingTable(scratch)
    pairs = copies.find(images_csv, contents, values, pca, cache, found, scratch)
    heap.trim()
    errors, far = label_errors.NONE, outliers.NONE
    if str(train.weights) == "random":
        similarities = np.full(len(values), np.nan, np.float32)
    else:
        groups = scratch.keep(near_duplicates.group_duplicates(pairs, unique.hash_rank[:]))
        errors, near = _judge(train, values, pca, unique, groups, scratch)
        heap.trim()
        far = outliers.find(near.distances[:], groups, unique.n_train)
        heap.trim()
        similarities = similar_images.similarities(train, test, unique, near.nearest, pca.factors)
    selected = is_in(len(values), errors.images, far.images)
    judged = select_images(images_csv, contents.of_rows, selected)
    found.add(judged_findings(judged, errors, far, train.class_names.tolist()))
    by_image = Selected(similarities, contents.of_rows, np.dtype(np.float64))
    return Inspection(found, copy_groups(train, unique, pairs), by_image)


def _judge(
    train: FeatureTable,
    values: DiskArray,
    pca: PCA,
    unique: UniqueImages,
    groups: DiskArray,
    scratch: Scratch,
) -> tuple[LabelErrors, TrainingNeighbours]:
    """Returns the probably wrong labels, and the nearest training images.

    Args:
        train: features of the training and validation images.
        values: float32 (U, K), features along principal components.
        pca: these components.
        unique: U contents.
        groups: int (U,), the same for copies of one image.
        scratch: for what does not fit into memory.
    """
    listed, named = _named_groups(train, unique)
    folds = near_duplicates.merge_groups(groups[:], listed)
    errors = label_errors.find(values, unique.labels[:], folds, unique.n_train, scratch)
    del listed, folds
    vectors = ComputedRows(values, lambda rows: normalize(pca.add_mean(rows)))
    units = scratch.keep(near_duplicates.merge_groups(groups[:], named))
    del named
    heap.trim()
    rank = unique.hash_rank
    near = training_neighbours.find(vectors, groups, units, unique.n_train, rank, scratch)
    return errors, near


def _named_groups(train: FeatureTable, unique: UniqueImages) -> tuple[np.ndarray, np.ndarray]:
    """Returns the groups of the training contents: those that the user gave, and also EXIF's.

    int32 (n_train,), or (0,) where there are none; -1: none.
    """
    names, named = numbered(train.groups, train.image_rows[unique.first[: unique.n_train]])
    if not names:
        return NONE, NONE
    of_exif = np.array([name.startswith(EXIF) for name in names] + [False])  # by -1, too: no group
    return np.where(of_exif[named], np.int32(-1), named), named
