"""Compute the features of every image, once per content, and collect them in two files.

Reads   results/images.csv, input/, models/base
Writes  results/features_train.npz, results/features_test.npz
"""

import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from classifier.cache import database, fingerprint
from classifier.cache.features import FeatureCache
from classifier.cache.files import FileIndex, open_identified
from classifier.common import parallel, params, progress
from classifier.common.errors import StageError, count, warn
from classifier.dataset import features, manifest
from classifier.dataset.features import Column
from classifier.images import augmentation, decode
from classifier.images.augmentation import ORIGINAL, AugmentationParams, View, ViewParams
from classifier.images.decode import Pixels
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo
from stages.extract import committed
from stages.extract.forward import WINDOW, FeatureExtractor

TRAIN_SPLITS, TEST_SPLITS = ("train", "validation"), ("test",)  # of the two files


@dataclass(frozen=True)
class Params(ViewParams):
    """Section `extract` of params.yaml; these two change no byte of a result."""

    batch_size: int  # images in the network or on their way to the cache
    threads: int  # processor cores to use; 0: all

    def __post_init__(self) -> None:
        super().__post_init__()
        params.require(self.threads >= 0, "extract.threads", "0 or more", self.threads)
        params.require(self.batch_size >= 1, "extract.batch_size", "1 or more", self.batch_size)


@dataclass
class Rows:
    """What is known of the rows of a results/features_*.npz before it is written.

    Attributes:
        labels: of each row, number of its label in the order in which labels appear.
        views: of each row, number of its view.
        longest_path: number of characters.
    """

    labels: "array[int]" = field(default_factory=lambda: array("i"))
    views: "array[int]" = field(default_factory=lambda: array("i"))
    longest_path: int = 1

    def add(self, view: View, label: int) -> None:
        """Adds a row."""
        self.labels.append(label)
        self.views.append(view.number)
        self.longest_path = max(self.longest_path, len(view.row.path))


@dataclass
class Survey:
    """What one pass over images.csv finds.

    Attributes:
        missing: number of views without cached features; a repeated one counts again.
        labels: number of each label, in the order in which they appear.
        classes: labels of the training images.
        train: rows of results/features_train.npz.
        test: rows of results/features_test.npz.
    """

    missing: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    train: Rows = field(default_factory=Rows)
    test: Rows = field(default_factory=Rows)

    def add(self, view: View) -> None:
        """Adds a view."""
        label = self.labels.setdefault(view.row.label, len(self.labels))
        (self.test if view.row.split in TEST_SPLITS else self.train).add(view, label)
        if view.row.split == "train":
            self.classes.add(view.row.label)

    def images(self) -> int:
        """Returns the number of images."""
        return self.train.views.count(ORIGINAL) + self.test.views.count(ORIGINAL)

    def class_indices(self, rows: Rows) -> np.ndarray:
        """Returns the class of each row, int32 (N,): an index into the sorted classes, or -1."""
        index = {label: number for number, label in enumerate(sorted(self.classes))}
        indices = np.array([index.get(label, -1) for label in self.labels], "<i4")
        return indices[np.array(rows.labels, np.intp)]


def changed(path: str) -> StageError:
    """Returns the error for a file that is missing or no longer what `validate` has read."""
    return StageError(f"{path}: changed while `dvc repro` was running; run it again")


def decode_views(
    views: list[View], height: int, width: int, ranges: AugmentationParams
) -> list[Pixels]:
    """Returns views of one image, each uint8 (height, width, 3).

    Raises:
        StageError: the file is missing or no longer what `validate` has read.
    """
    path, sha256 = views[0].row.path, views[0].row.sha256
    try:
        with open_identified(Path(path)) as (file, identity):
            if identity.sha256 != sha256:
                raise changed(path)
            pixels = decode.decode_image(file, height, width).pixels
    except OSError:
        raise changed(path) from None
    except decode.ImageError as error:
        raise StageError(f"{path}: {error}; remove or replace it") from None
    return [augmentation.augmented(pixels, sha256, view.number, ranges) for view in views]


def survey(views: Iterable[View], cache: FeatureCache, index: FileIndex) -> Survey:
    """Counts the views, and checks the files whose features are cached.

    Raises:
        StageError: one of these is missing or no longer what `validate` has read.
    """
    result = Survey()
    for window in parallel.batched(views, WINDOW):
        cached = cache.has({view.key for view in window})
        reused = {Path(view.row.path): view.row.sha256 for view in window if view.key in cached}
        hashes = index.hashes(reused)
        for path, sha256 in reused.items():
            if hashes.get(path) != sha256:
                raise changed(path.as_posix())
        result.missing += len({view.key for view in window} - cached)
        for view in window:
            result.add(view)
    return result


def columns(
    views: Callable[[], Iterable[View]],
    dataset: Survey,
    rows: Rows,
    info: BaseInfo,
    constants: Mapping[str, object],
    vectors: Iterable[np.ndarray],
) -> dict[str, Column]:
    """Returns the arrays of a results/features_*.npz; what is long is read again, not held.

    Args:
        views: called for each long array, returns the views of the file.
        dataset: all images.
        rows: of the file.
        info: the network.
        constants: arrays that say how all features were made.
        vectors: the features, some views at a time.
    """
    n = len(rows.views)

    def column(dtype: str, value: Callable[[View], object]) -> Column:
        windows = parallel.batched(views(), WINDOW)
        chunks = (np.array([value(view) for view in window], dtype) for window in windows)
        return Column(np.dtype(dtype), (n,), chunks)

    return {
        "features": Column(np.dtype(info.dtype), (n, *info.feature_shape), vectors),
        "labels": Column.from_array(dataset.class_indices(rows)),
        "class_names": Column.from_array(np.array(sorted(dataset.classes), str)),
        "sha256": column("<U64", lambda view: view.row.sha256),
        "paths": column(f"<U{rows.longest_path}", lambda view: view.row.path),
        "views": Column.from_array(np.array(rows.views, "<i4")),
        **{name: Column.from_array(np.array(value)) for name, value in constants.items()},
    }


def main(
    images_csv: Path = manifest.PATH,
    folder: Path = base.FOLDER,
    train: Path = features.TRAIN,
    test: Path = features.TEST,
) -> None:
    """Writes the features of all images of images.csv."""
    started = time.perf_counter()
    settings = params.load("extract", Params)
    info, cache_folder = base.read_info(folder), database.cache_folder()
    runtime = engine.runtime(info.engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    augmentation_id = fingerprint.of_augmentation(settings)
    note = f"{info}, {runtime}"
    cache = FeatureCache(cache_folder, identity, info.feature_shape, info.dtype, note)
    index = FileIndex(cache_folder)

    def views(splits: Sequence[str] = TRAIN_SPLITS + TEST_SPLITS) -> Iterator[View]:
        rows = (row for row in manifest.iter_rows(images_csv) if row.split in splits)
        return augmentation.all_views(rows, settings, augmentation_id)

    dataset = survey(views(), cache, index)
    if dataset.missing:
        recovered = cache.check_index()
        if committed.import_features(cache, identity, train, test) or recovered:
            dataset = survey(views(), cache, index)
    index.close()
    constants = {
        "train_views": np.array(settings.train_numbers(), "<i4"),
        "tta_views": np.array(settings.tta_numbers(), "<i4"),
        "augmentation_id": augmentation_id if settings.augments() else "",
        "fingerprint": identity,
        "weights": info.weights,
    }
    height, width = info.image_height, info.image_width
    decoder = partial(decode_views, height=height, width=width, ranges=settings)
    shapes = {}
    with progress.bar("extract", dataset.missing) as bar:
        extractor = FeatureExtractor(
            folder, cache, decoder, settings.batch_size, settings.threads, bar.update
        )
        if cache.writable:  # else `collect` computes them, chunk by chunk
            extractor.compute_missing(views(), dataset.missing)
        for out, splits, rows in (
            (train, TRAIN_SPLITS, dataset.train),
            (test, TEST_SPLITS, dataset.test),
        ):
            vectors = extractor.collect(views(splits))
            arrays = columns(partial(views, splits), dataset, rows, info, constants, vectors)
            features.write(out, arrays)
            shapes[out] = arrays["features"].shape
    cache.close()
    if cache.damaged:
        warn(f"{cache.path}: {count(cache.damaged, 'damaged row')} computed again")
    where = f" on {engine.device(info.engine)}" if extractor.new else ""
    seconds = time.perf_counter() - started
    print(line(dataset.images(), shapes, extractor.new, seconds) + where)


def line(images: int, shapes: dict[Path, tuple[int, ...]], new: int, seconds: float) -> str:
    """Returns what the stage prints when it has finished."""
    total = sum(shape[0] for shape in shapes.values())
    files = ", ".join(f"{path.as_posix()} {shape}" for path, shape in shapes.items())
    views = f" in {total} views" if total != images else ""
    done = f"{new:,} new -> {files}, {total - new:,} reused, {seconds:.1f} s"
    return f"extract: {count(images, 'image')}{views}, {done}"
