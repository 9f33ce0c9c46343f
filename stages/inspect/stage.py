"""Find duplicates, leaks, label errors and outliers; exclude from training what params.yaml says.

Reads   results/images.csv and the images it lists, results/perceptual_hashes.npy,
        results/features_train, results/features_test
Writes  results/inspection.csv, results/excluded.csv, results/near_duplicates.csv,
        results/similarity.csv
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from classifier.cache import database
from classifier.cache.results import ResultCache
from classifier.common import params
from classifier.common.errors import count, warn
from classifier.dataset import excluded, features, findings, manifest, similarity
from classifier.dataset import near_duplicates as near_duplicates_file
from classifier.dataset.features import FeatureTable
from classifier.dataset.findings import FINDINGS, Finding
from classifier.dataset.groups import listed
from classifier.images import perceptual_hash
from classifier.similarity.pca import PCA, normalize
from stages.inspect import (
    detail,
    label_errors,
    listed_labels,
    near_duplicates,
    outliers,
    similar_images,
)
from stages.inspect.exclusions import exclusion_reasons, require_two_per_class
from stages.inspect.image_findings import (
    Images,
    duplicate_findings,
    label_findings,
    outlier_findings,
)
from stages.inspect.params import Params
from stages.inspect.unique_images import UniqueImages, image_rows, index_of_paths


def reduce_features(
    train: FeatureTable, test: FeatureTable, unique: UniqueImages
) -> tuple[np.ndarray, PCA]:
    """Returns the features of each content along principal components, float32 (U, K), and the PCA.

    The components are fitted to the training images, so that test images change no finding about
    these.
    """
    train_rows, test_rows = image_rows(train), image_rows(test)
    fitted = train_rows[unique.first[: unique.n_train]]
    others = test_rows[unique.first[unique.n_train :] - len(train_rows)]
    pca = PCA.fit(train.features, fitted, layer_sizes=train.layer_sizes.tolist())
    values = [pca.transform(train.features, fitted), pca.transform(test.features, others)]
    return np.concatenate(values), pca


def select_images(images_csv: Path, contents: np.ndarray, selected: np.ndarray) -> Images:
    """Returns the images with selected contents, in path order.

    Args:
        images_csv: results/images.csv.
        contents: int (N,), content of each of its rows.
        selected: bool (U,), by content.
    """
    rows = zip(contents.tolist(), manifest.iter_rows(images_csv), strict=True)
    return [(content, row) for content, row in rows if selected[content]]


def find_all(
    images_csv: Path,
    hashes: np.ndarray,
    train: FeatureTable,
    test: FeatureTable,
    cache: ResultCache,
) -> tuple[Images, list[Finding], list[tuple[str, str]], np.ndarray]:
    """Returns images that may be copies or wrong, findings, near duplicates, and similarities.

    The near duplicates are pairs of hashes of training and validation images. The similarities are
    float (N,), of each image to the nearest training image of another group; NaN if not known.

    Args:
        images_csv: results/images.csv.
        hashes: uint8 (N, 32), perceptual hashes in the order of images_csv.
        train: features of the training and validation images.
        test: features of the test images.
        cache: of compared images.
    """
    unique = UniqueImages.from_tables(train, test)
    paths = (row.path for row in manifest.iter_rows(images_csv))
    order = index_of_paths(paths, train, test)  # of the tables' images, as images.csv has them
    values, pca = reduce_features(train, test, unique)
    unique_hashes = hashes[np.argsort(order)[unique.first]]
    scaled = near_duplicates.scale_components(values, pca.scales, unique.n_train)
    pairs = near_duplicates.find_pairs(scaled, unique_hashes)
    contents = unique.inverse[order]
    in_pairs = np.zeros(len(unique.first), bool)
    in_pairs[pairs.one] = in_pairs[pairs.other] = True
    pairs = detail.keep_copies(pairs, dict(select_images(images_csv, contents, in_pairs)), cache)
    selected = np.bincount(unique.inverse) > 1
    selected[pairs.one] = selected[pairs.other] = True
    rows = image_rows(train)[unique.first[: unique.n_train]]
    both = pairs.other < unique.n_train  # `one` is lower
    hashes_of = [
        features.hex_hashes(train.sha256[rows[side[both]]]) for side in (pairs.one, pairs.other)
    ]
    copies = list(zip(*hashes_of, strict=True))
    if str(train.weights) == "random":
        images = select_images(images_csv, contents, selected)
        unknown = np.full(len(order), np.nan)
        return images, list(duplicate_findings(images, pairs)), copies, unknown
    groups = near_duplicates.group_duplicates(pairs, unique.hash_rank)
    names = train.groups[rows].tolist()
    folds = near_duplicates.merge_groups(groups, listed(names))
    errors = label_errors.find(values, unique.labels, folds, unique.n_train)
    vectors = normalize(pca.add_mean(values))
    scores = outliers.outlier_scores(vectors, groups, unique.n_train)
    units = near_duplicates.merge_groups(groups, names)
    similarities = similar_images.find(train, test, unique, pca, vectors, units)
    selected |= (errors.suggested >= 0) | (scores > outliers.THRESHOLD)
    images = select_images(images_csv, contents, selected)
    results = list(duplicate_findings(images, pairs))
    results += label_findings(images, errors, train.class_names.tolist())
    results += outlier_findings(images, scores)
    return images, results, copies, similarities[contents]


def summary_line(n_images: int, results: Sequence[Finding], n_excluded: int, out: Path) -> str:
    """Returns the line the stage prints."""
    codes = Counter(one.finding for one in results)
    counts = ", ".join(f"{codes[code]} {code}" for code in FINDINGS if codes[code])
    excluded_part = f"; {n_excluded} excluded from training" if n_excluded else ""
    total = count(n_images, "image")
    return f"inspect: {total}: {counts or 'nothing found'} -> {out.as_posix()}{excluded_part}"


def main(
    images_csv: Path = manifest.PATH,
    hashes_npy: Path = perceptual_hash.PATH,
    train_npz: Path = features.TRAIN,
    test_npz: Path = features.TEST,
    out: Path = findings.PATH,
    excluded_csv: Path = excluded.PATH,
    near_duplicates_csv: Path = near_duplicates_file.PATH,
    similarity_csv: Path = similarity.PATH,
) -> None:
    """Inspects all images."""
    dropped = params.load("inspect", Params).dropped_findings()
    train, test = features.read(train_npz), features.read(test_npz)
    hashes = perceptual_hash.read(hashes_npy)
    with closing(ResultCache(database.cache_folder())) as cache:
        images, results, copies, similarities = find_all(images_csv, hashes, train, test, cache)
    results += listed_labels.find(manifest.iter_rows(images_csv), train.class_names.tolist())
    training = (row.path for _, row in images if row.split == "train")
    reasons = exclusion_reasons(results, training, dropped)
    require_two_per_class(images_csv, reasons, dropped)
    findings.write(out, results)
    excluded.write(excluded_csv, reasons)
    near_duplicates_file.write(near_duplicates_csv, copies)
    paths = (row.path for row in manifest.iter_rows(images_csv))
    similarity.write(similarity_csv, paths, similarities)
    n_training = sum(row.split == "train" for row in manifest.iter_rows(images_csv))
    splits = {row.path: row.split for _, row in images}
    for message in findings.warnings(results, splits, n_training, dropped):
        warn(message)
    skipped = str(train.weights) == "random"
    note = "; label-error and outlier checks skipped (random weights)" if skipped else ""
    print(summary_line(len(hashes), results, len(reasons), out) + note)
