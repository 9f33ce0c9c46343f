"""What there is to find about the images, in little memory however many there are."""

from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from typing import IO

import numpy as np

from classifier.cache.results import ResultCache
from classifier.common import cores, parallel
from classifier.common.disk_array import ComputedRows, DiskArray
from classifier.dataset import features, manifest
from classifier.dataset.features import FeatureTable
from classifier.dataset.findings import Finding
from classifier.dataset.groups import EXIF
from classifier.similarity.pca import PCA, normalize
from stages.inspect import (
    detail,
    kept_axes,
    label_errors,
    near_duplicates,
    outliers,
    similar_images,
    training_neighbours,
)
from stages.inspect.image_findings import (
    Images,
    duplicate_findings,
    label_findings,
    outlier_findings,
)
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.unique_images import UniqueImages, encoded, image_rows, path_order

BLOCK = 4096  # images that are transformed at once


@dataclass(frozen=True)
class Inspection:
    """What is found.

    Attributes:
        images: those that may be copies or wrong, in path order.
        results: the findings.
        copies: pairs of training and validation images, by their hashes.
        similarities: float64 (N,), in the order of images.csv, to the nearest training image of
            another group; NaN if not known.
    """

    images: Images
    results: list[Finding]
    copies: list[tuple[str, str]]
    similarities: np.ndarray


def reduce_features(
    train: FeatureTable, test: FeatureTable, unique: UniqueImages, folder: Path, file: IO[bytes]
) -> tuple[DiskArray, PCA]:
    """Returns the features of each content along principal components, float32 (U, K), and the PCA.

    The components are fitted to the training images, so that test images change no finding about
    these.
    """
    train_rows, test_rows = image_rows(train), image_rows(test)
    fitted = train_rows[unique.first[: unique.n_train]]
    others = test_rows[unique.first[unique.n_train :] - len(train_rows)]
    pca = kept_axes.fit(train, fitted, folder)
    values = DiskArray(file, len(pca.components))
    for table, rows in ((train, fitted), (test, others)):
        blocks = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
        transform = partial(pca.transform, table.features)
        for block in parallel.prefetch_map(transform, blocks, cores.count(), 2 * cores.count()):
            values.append(block)
    return values, pca


def select_images(images_csv: Path, contents: np.ndarray, selected: np.ndarray) -> Images:
    """Returns the images with selected contents, in path order.

    Args:
        images_csv: results/images.csv.
        contents: int (N,), content of each of its rows.
        selected: bool (U,), by content.
    """
    if not selected.any():
        return []
    rows = compress(enumerate(manifest.iter_rows(images_csv)), selected[contents])
    return [(int(contents[number]), row) for number, row in rows]


def inspect_images(
    images_csv: Path,
    hashes: np.ndarray,
    train: FeatureTable,
    test: FeatureTable,
    folder: Path,
    cache: ResultCache,
    file: IO[bytes],
) -> Inspection:
    """Returns all that is found.

    Args:
        images_csv: results/images.csv.
        hashes: uint8 (N, 32), perceptual hashes in the order of images_csv.
        train: features of the training and validation images.
        test: features of the test images.
        folder: of the cache.
        cache: of compared images.
        file: an open file for what does not fit into memory.
    """
    unique = UniqueImages.from_tables(train, test)
    order = path_order(train, test)
    contents = unique.inverse[order]
    values, pca = reduce_features(train, test, unique, folder, file)
    scaled = ComputedRows(
        values, lambda rows: near_duplicates.scale_components(rows, pca.scales, unique.n_train)
    )
    unique_hashes = hashes[np.argsort(order)[unique.first]]
    pairs = near_duplicates.find_pairs(scaled, unique_hashes, unique.hash_rank)
    compared = select_images(images_csv, contents, is_in(pairs, len(values)))
    pairs = detail.keep_copies(pairs, dict(compared), cache)
    selected = (np.bincount(unique.inverse) > 1) | is_in(pairs, len(values))
    copies = pairs_of_hashes(train, unique, pairs)
    if str(train.weights) == "random":
        images = select_images(images_csv, contents, selected)
        unknown = np.full(len(order), np.nan)
        return Inspection(images, list(duplicate_findings(images, pairs)), copies, unknown)
    groups = near_duplicates.group_duplicates(pairs, unique.hash_rank)
    names = encoded(train.groups, image_rows(train)[unique.first[: unique.n_train]])
    listed = np.where(np.char.startswith(names, EXIF.encode()), b"", names)
    folds = near_duplicates.merge_groups(groups, listed)
    errors = label_errors.find(values, unique.labels, folds, unique.n_train)
    vectors = ComputedRows(values, lambda rows: normalize(pca.add_mean(rows)))
    units = near_duplicates.merge_groups(groups, names)
    near = training_neighbours.find(vectors, groups, units, unique.n_train, unique.hash_rank)
    scores = outliers.outlier_scores(near.distances, groups, unique.n_train)
    similarities = similar_images.similarities(train, test, unique, near.nearest, pca.factors)
    selected |= (errors.suggested >= 0) | (scores > outliers.THRESHOLD)
    images = select_images(images_csv, contents, selected)
    results = list(duplicate_findings(images, pairs))
    results += label_findings(images, errors, train.class_names.tolist())
    results += outlier_findings(images, scores)
    return Inspection(images, results, copies, similarities[contents])


def is_in(pairs: DuplicatePairs, count: int) -> np.ndarray:
    """Returns which of `count` contents are in a pair, bool."""
    found = np.zeros(count, bool)
    found[pairs.one] = found[pairs.other] = True
    return found


def pairs_of_hashes(
    train: FeatureTable, unique: UniqueImages, pairs: DuplicatePairs
) -> list[tuple[str, str]]:
    """Returns the hashes of the pairs of training and validation images."""
    both = pairs.other < unique.n_train  # `one` is lower
    rows = image_rows(train)[unique.first[: unique.n_train]]
    sides = (rows[side[both]] for side in (pairs.one, pairs.other))
    hashes = (features.hex_hashes(train.sha256[side]) for side in sides)
    return list(zip(*hashes, strict=True))
