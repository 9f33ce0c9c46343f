"""What there is to find about the images, in little memory however many there are."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import IO

import numpy as np

from classifier.cache.results import ResultCache
from classifier.common import cores, parallel
from classifier.common.disk_array import ComputedRows, DiskArray
from classifier.dataset import features, manifest, orders
from classifier.dataset.features import FeatureTable
from classifier.dataset.findings import Finding
from classifier.dataset.groups import EXIF, numbered
from classifier.dataset.lazy_array import Selected
from classifier.dataset.npz import StoredArray
from classifier.images import perceptual_hash
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
from stages.inspect.unique_images import UniqueImages, path_order

BLOCK = 4096  # images that are transformed at once
NO_LONGER_USED = np.zeros(0, np.int32)


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
    similarities: Selected


def reduce_features(
    train: FeatureTable, test: FeatureTable, unique: UniqueImages, folder: Path, file: IO[bytes]
) -> tuple[DiskArray, PCA]:
    """Returns the features of each content along principal components, float32 (U, K), and the PCA.

    The components are fitted to the training images, so that test images change no finding about
    these.
    """
    train_rows, test_rows = train.image_rows, test.image_rows
    fitted = train_rows[unique.first[: unique.n_train]]
    others = test_rows[unique.first[unique.n_train :] - len(train_rows)]
    del train_rows, test_rows
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
    hashes: StoredArray,
    train: FeatureTable,
    test: FeatureTable,
    folder: Path,
    cache: ResultCache,
    disk: tuple[IO[bytes], IO[bytes]],
) -> Inspection:
    """Returns all that is found.

    Args:
        images_csv: results/images.csv.
        hashes: uint8 (N, 32), perceptual hashes in the order of images_csv.
        train: features of the training and validation images.
        test: features of the test images.
        folder: of the cache.
        cache: of compared images.
        disk: open files for what does not fit into memory.
    """
    unique = UniqueImages.from_tables(train, test)
    order = path_order(train, test)
    contents = unique.inverse[order]
    unique_hashes = DiskArray(disk[1], perceptual_hash.BYTES, np.uint8)
    places = orders.inverse(order)[unique.first]
    for block in orders.blocks(len(places)):
        unique_hashes.append(hashes[places[block]])
    del order, places
    values, pca = reduce_features(train, test, unique, folder, disk[0])
    scaled = ComputedRows(
        values, lambda rows: near_duplicates.scale_components(rows, pca.scales, unique.n_train)
    )
    pairs = near_duplicates.find_pairs(scaled, unique_hashes, unique.hash_rank)
    compared = dict(select_images(images_csv, contents, is_in(pairs, len(values))))
    pairs = detail.keep_copies(pairs, compared, cache)
    del compared
    selected = (np.bincount(unique.inverse) > 1) | is_in(pairs, len(values))
    copies = pairs_of_hashes(train, unique, pairs)
    if str(train.weights) == "random":
        images = select_images(images_csv, contents, selected)
        unknown = np.full(len(values), np.nan)
        results = list(duplicate_findings(images, pairs))
        return Inspection(images, results, copies, _by_image(unknown, contents))
    groups = near_duplicates.group_duplicates(pairs, unique.hash_rank)
    names, named = numbered(train.groups, train.image_rows[unique.first[: unique.n_train]])
    of_exif = np.array([name.startswith(EXIF) for name in names] + [False])  # by -1, too: no group
    listed = np.where(of_exif[named], np.int32(-1), named)
    folds = near_duplicates.merge_groups(groups, listed)
    errors = label_errors.find(values, unique.labels, folds, unique.n_train).few()
    unique = replace(unique, inverse=NO_LONGER_USED, labels=NO_LONGER_USED)
    del listed, folds
    vectors = ComputedRows(values, lambda rows: normalize(pca.add_mean(rows)))
    units = near_duplicates.merge_groups(groups, named)
    del named
    near = training_neighbours.find(vectors, groups, units, unique.n_train, unique.hash_rank)
    scores = outliers.outlier_scores(near.distances, groups, unique.n_train)
    similarities = similar_images.similarities(train, test, unique, near.nearest, pca.factors)
    selected |= scores > outliers.THRESHOLD
    selected[errors.images] = True
    del near
    images = select_images(images_csv, contents, selected)
    results = list(duplicate_findings(images, pairs))
    results += label_findings(images, errors.by_image(), train.class_names.tolist())
    results += outlier_findings(images, scores)
    return Inspection(images, results, copies, _by_image(similarities, contents))


def _by_image(values: np.ndarray, contents: np.ndarray) -> Selected:
    return Selected(values, contents, np.dtype(np.float64))


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
    rows = train.image_rows
    sides = (rows[unique.first[side[both]]] for side in (pairs.one, pairs.other))
    hashes = (features.hex_hashes(train.sha256[side]) for side in sides)
    return list(zip(*hashes, strict=True))
