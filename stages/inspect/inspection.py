"""What there is to find about the images, in little memory however many there are."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from classifier.cache.results import ResultCache
from classifier.common import cores, heap, parallel
from classifier.common.disk_array import ComputedRows, DiskArray, Rows, Scratch
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
    train: FeatureTable, test: FeatureTable, unique: UniqueImages, folder: Path, scratch: Scratch
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
    values = scratch.array((len(pca.components),))
    for table, rows in ((train, fitted), (test, others)):
        blocks = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
        transform = partial(pca.transform, table.features)
        for block in parallel.prefetch_map(transform, blocks, cores.count(), 2 * cores.count()):
            values.append(block)
    return values, pca


def select_images(images_csv: Path, contents: Rows, selected: np.ndarray) -> Images:
    """Returns the images with selected contents, in path order.

    Args:
        images_csv: results/images.csv.
        contents: int (N,), content of each of its rows.
        selected: bool (U,), by content.
    """
    if not selected.any():
        return []
    blocks = (contents[block].tolist() for block in orders.blocks(len(contents)))
    rows = zip(chain.from_iterable(blocks), manifest.iter_rows(images_csv), strict=True)
    return [(content, row) for content, row in rows if selected[content]]


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
    unique = UniqueImages.from_tables(train, test)
    order = path_order(train, test)
    contents = scratch.keep(unique.inverse[order])
    unique_hashes = scratch.array((perceptual_hash.BYTES,), np.uint8)
    places = orders.inverse(order)[unique.first[:]]
    for block in orders.blocks(len(places)):
        unique_hashes.append(hashes[places[block]])
    selected = np.bincount(unique.inverse) > 1
    del order, places
    unique = replace(
        unique,
        inverse=NO_LONGER_USED,
        first=scratch.keep(unique.first[:]),
        hash_rank=scratch.keep(unique.hash_rank[:]),
    )
    values, pca = reduce_features(train, test, unique, folder, scratch)
    scaled = ComputedRows(
        values, lambda rows: near_duplicates.scale_components(rows, pca.scales, unique.n_train)
    )
    heap.return_above(heap.LARGE)
    pairs = near_duplicates.find_pairs(scaled, unique_hashes, unique.hash_rank, scratch)
    heap.trim()
    compared = dict(select_images(images_csv, contents, is_in(pairs, len(values))))
    pairs = detail.keep_copies(pairs, compared, cache)
    del compared
    selected |= is_in(pairs, len(values))
    copies = pairs_of_hashes(train, unique, pairs)
    if str(train.weights) == "random":
        images = select_images(images_csv, contents, selected)
        unknown = np.full(len(values), np.nan)
        results = list(duplicate_findings(images, pairs))
        return Inspection(images, results, copies, _by_image(unknown, contents))
    groups = near_duplicates.group_duplicates(pairs, unique.hash_rank[:])
    listed, named = _named_groups(train, unique)
    folds = near_duplicates.merge_groups(groups, listed)
    errors = label_errors.find(values, unique.labels, folds, unique.n_train)
    unique = replace(unique, labels=NO_LONGER_USED)
    del listed, folds
    vectors = ComputedRows(values, lambda rows: normalize(pca.add_mean(rows)))
    units = near_duplicates.merge_groups(groups, named)
    del named
    heap.trim()
    near = training_neighbours.find(
        vectors, groups, units, unique.n_train, unique.hash_rank, scratch
    )
    far = outliers.find(near.distances, groups, unique.n_train)
    del groups, units
    similarities = similar_images.similarities(train, test, unique, near.nearest, pca.factors)
    del near
    selected[far.images] = selected[errors.images] = True
    images = select_images(images_csv, contents, selected)
    results = list(duplicate_findings(images, pairs))
    results += label_findings(images, errors.by_image(), train.class_names.tolist())
    results += outlier_findings(images, far.by_image())
    return Inspection(images, results, copies, _by_image(similarities, contents))


def _named_groups(train: FeatureTable, unique: UniqueImages) -> tuple[np.ndarray, np.ndarray]:
    """Returns the groups of the training contents: those that the user gave, and also EXIF's.

    int32 (n_train,), or (0,) where there are none; -1: none.
    """
    names, named = numbered(train.groups, train.image_rows[unique.first[: unique.n_train]])
    if not names:
        return NO_LONGER_USED, NO_LONGER_USED
    of_exif = np.array([name.startswith(EXIF) for name in names] + [False])  # by -1, too: no group
    return np.where(of_exif[named], np.int32(-1), named), named


def _by_image(values: np.ndarray, contents: Rows) -> Selected:
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
