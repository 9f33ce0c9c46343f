"""Compute the features of every image, once per content, and collect them in three files.

Reads   results/images.csv, results/unlabelled.csv and the images they list, models/base
Writes  results/features_train.npz, results/features_test.npz, results/features_unlabelled.npz
"""

import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from classifier.cache import database, fingerprint
from classifier.cache.features import FeatureCache
from classifier.cache.files import FileIndex
from classifier.common import objects, parallel, params, progress
from classifier.common.errors import count, warn
from classifier.dataset import features, manifest
from classifier.dataset.features import Column
from classifier.images import augmentation, conversion
from classifier.images.augmentation import ORIGINAL, View
from classifier.inference import base, engine
from stages.extract import committed, images
from stages.extract.forward import WINDOW, Decode, FeatureExtractor, Pool
from stages.extract.images import changed
from stages.extract.params import Params
from stages.extract.ray_pool import RayPool
from stages.extract.threads import Threads

SPLITS = {"train": ("train", "validation"), "test": ("test",), "unlabelled": ("unlabelled",)}
FILES = {split: name for name, splits in SPLITS.items() for split in splits}


@dataclass
class Rows:
    """The rows of a results/features_*.npz."""

    labels: list[str] = field(default_factory=list)
    views: list[int] = field(default_factory=list)  # their numbers
    longest_path: int = 1  # characters
    longest_group: int = 1


@dataclass
class Survey:
    """What one pass over all images finds."""

    missing: int = 0  # views without cached features; a repeated one counts again
    classes: set[str] = field(default_factory=set)  # labels of the training images
    conversions: set[str] = field(default_factory=set)  # of all images
    rows: dict[str, Rows] = field(default_factory=lambda: {name: Rows() for name in SPLITS})


def survey(views: Iterable[View], cache: FeatureCache, index: FileIndex) -> Survey:
    """Counts the views, and checks the files of this machine whose features are cached.

    Raises:
        StageError: one of these is missing or no longer what `validate` has read.
    """
    result = Survey()
    for window in parallel.batched(views, WINDOW):
        cached = cache.has({view.key for view in window})
        paths = {Path(view.row.path): view.row.sha256 for view in window if view.key in cached}
        reused = {path: paths[path] for path in paths if not objects.address_of(path)}
        hashes = index.hashes(reused)
        for path, sha256 in reused.items():
            if hashes.get(path) != sha256:
                raise changed(path.as_posix())
        result.missing += len({view.key for view in window} - cached)
        for view in window:
            result.conversions.add(view.row.conversion)
            rows = result.rows[FILES[view.row.split]]
            rows.labels.append(sys.intern(view.row.label))
            rows.views.append(view.number)
            rows.longest_path = max(rows.longest_path, len(view.row.path))
            rows.longest_group = max(rows.longest_group, len(view.row.group))
            if view.row.split == "train":
                result.classes.add(view.row.label)
    return result


def columns(
    views: Callable[[], Iterable[View]],
    rows: Rows,
    class_names: list[str],
    vectors: Column,
    constants: Mapping[str, object],
) -> dict[str, Column]:
    """Returns the arrays of a results/features_*.npz; what is long is read again, not held.

    `views` returns the views of the file, once for each long array; `constants` are arrays that
    say how all features were made.
    """
    index = {label: number for number, label in enumerate(class_names)}

    def column(dtype: str, value: Callable[[View], object]) -> Column:
        windows = parallel.batched(views(), WINDOW)
        chunks = (np.array([value(view) for view in window], dtype) for window in windows)
        return Column(np.dtype(dtype), (len(rows.views),), chunks)

    labels = np.array([index.get(label, -1) for label in rows.labels], "<i4")
    return {
        "features": vectors,
        "labels": Column.from_array(labels),
        "class_names": Column.from_array(np.array(class_names, str)),
        "sha256": column("<U64", lambda view: view.row.sha256),
        "paths": column(f"<U{rows.longest_path}", lambda view: view.row.path),
        "groups": column(f"<U{rows.longest_group}", lambda view: view.row.group),
        "splits": column("<U10", lambda view: view.row.split),
        "views": Column.from_array(np.array(rows.views, "<i4")),
        **{name: Column.from_array(np.array(value)) for name, value in constants.items()},
    }


def make_pool(
    settings: Params, folder: Path, decode: Decode, show: Callable[[str], object]
) -> Pool:
    """Returns where to run the network in the folder; `show` is told what the pool has to say."""
    if settings.run_on == "ray":
        return RayPool(folder, decode, settings.batch_size, show)
    return Threads(folder, decode, settings.batch_size, settings.threads)


def main(
    images_csv: Path = manifest.PATH,
    unlabelled_csv: Path = manifest.UNLABELLED,
    folder: Path = base.FOLDER,
    train: Path = features.TRAIN,
    test: Path = features.TEST,
    unlabelled: Path = features.UNLABELLED,
) -> None:
    """Writes the features of all usable images."""
    started = time.perf_counter()
    settings = params.load("extract", Params)
    info, cache_folder = base.read_info(folder), database.cache_folder()
    runtime = engine.runtime(info.engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    augmentation_id = fingerprint.of_augmentation(settings)
    note = f"{info}, {runtime}"
    cache = FeatureCache(cache_folder, identity, info.feature_shape, info.dtype, note)

    def views(splits: Container[str] = FILES) -> Iterator[View]:
        tables = map(manifest.iter_rows, (images_csv, unlabelled_csv))
        rows = (row for row in chain.from_iterable(tables) if row.split in splits)
        return augmentation.all_views(rows, settings, augmentation_id)

    with closing(FileIndex(cache_folder)) as index:
        dataset = survey(views(), cache, index)
        if dataset.missing:
            recovered = cache.check_index()
            if committed.import_features(cache, identity, train, test, unlabelled) or recovered:
                dataset = survey(views(), cache, index)
    constants = {
        "train_views": np.array(settings.train_numbers(), "<i4"),
        "tta_views": np.array(settings.tta_numbers(), "<i4"),
        "augmentation_id": augmentation_id if settings.augments() else "",
        "grey_ranges": conversion.all_ranges(dataset.conversions),
        "layers": info.layers,
        "layer_sizes": np.array(info.layer_sizes, "<i4"),
        "fingerprint": identity,
        "weights": info.weights,
    }
    height, width = info.image_height, info.image_width
    decode = partial(images.decode_views, height=height, width=width, ranges=settings)
    outputs = dict(zip(SPLITS, (train, test, unlabelled), strict=True))
    names = []
    with progress.bar("extract", dataset.missing) as bar:
        pool = make_pool(settings, folder, decode, bar.set_postfix_str)
        extractor = FeatureExtractor(pool, cache, bar.update)
        if cache.writable:  # else `collect` computes them, chunk by chunk
            extractor.compute_missing(views(), dataset.missing)
        for name, out in outputs.items():
            rows, splits = dataset.rows[name], SPLITS[name]
            shape = (len(rows.views), *info.feature_shape)
            vectors = Column(np.dtype(info.dtype), shape, extractor.collect(views(splits)))
            file_views = partial(views, splits)
            classes = sorted(dataset.classes)
            features.write(out, columns(file_views, rows, classes, vectors, constants))
            if name != "unlabelled" or rows.views:
                names.append(f"{out.as_posix()} {shape}")
    cache.close()
    if cache.damaged:
        warn(f"{cache.path}: {count(cache.damaged, 'damaged row')} computed again")
    numbers = [number for rows in dataset.rows.values() for number in rows.views]
    originals, new = numbers.count(ORIGINAL), extractor.new
    print(
        f"extract: {count(originals, 'image')}"
        + (f" in {len(numbers)} views" if len(numbers) != originals else "")
        + f", {new:,} new -> {', '.join(names)}, {len(numbers) - new:,} reused, "
        + f"{time.perf_counter() - started:.1f} s"
        + (f" on {pool.place}" if new else "")
    )
