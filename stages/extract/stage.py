"""Compute the features of every image, each content once, and gather those of all.

Reads   results/images.csv, input/, models/base
Writes  results/features_train.npz, results/features_test.npz
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from classifier.cache import database, fingerprint
from classifier.cache.features import FeatureCache
from classifier.cache.files import FileIndex, open_identified
from classifier.common import parallel, params
from classifier.common.errors import StageError, count, warn
from classifier.dataset import features, manifest
from classifier.dataset.features import Column
from classifier.images import augmentation, decode
from classifier.images.augmentation import ORIGINAL, AugmentationParams, View, ViewParams
from classifier.images.decode import Pixels
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo
from stages.extract import committed, forward
from stages.extract.forward import WINDOW, FeatureExtractor

SPLITS = {"train": ("train", "validation"), "test": ("test",)}  # of each results/features_*.npz

Views = Callable[[], Iterable[View]]  # the list of views, from the start at every call


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
class Totals:
    """What one pass over the views counts.

    Attributes:
        images: number of images.
        missing: views without cached features.
        class_names: of the training images, sorted.
        views: number of views by split.
        longest: length of the longest path by split.
    """

    images: int
    missing: int
    class_names: tuple[str, ...]
    views: Counter[str]
    longest: Counter[str]


def changed(path: str) -> StageError:
    """Returns the error of a file that is gone or no longer what `validate` saw."""
    return StageError(f"{path}: changed while `dvc repro` was running; run it again")


def decoded(views: list[View], height: int, width: int, ranges: AugmentationParams) -> list[Pixels]:
    """Returns views of one image as uint8 (height, width, 3) each.

    Raises:
        StageError: the file is gone or no longer what `validate` saw.
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


def survey(views: Iterable[View], cache: FeatureCache, index: FileIndex) -> Totals:
    """Counts the views, and checks that the files of cached ones are still what `validate` saw.

    Raises:
        StageError: naming a file that is not.
    """
    classes: set[str] = set()
    totals = Totals(0, 0, (), Counter(), Counter())
    for window in parallel.batched(views, WINDOW):
        keys = {view.key for view in window}
        cached = cache.has(keys)
        totals.missing += len(keys - cached)
        reused = {view.row.path: view.row.sha256 for view in window if view.key in cached}
        hashes = index.hashes(map(Path, reused))
        for path, sha256 in reused.items():
            if hashes.get(Path(path)) != sha256:
                raise changed(path)
        for row, number, _ in window:
            totals.images += number == ORIGINAL
            totals.views[row.split] += 1
            totals.longest[row.split] = max(totals.longest[row.split], len(row.path))
            if row.split == "train":
                classes.add(row.label)
    totals.class_names = tuple(sorted(classes))
    return totals


def columns(
    views: Views,
    splits: Iterable[str],
    totals: Totals,
    info: BaseInfo,
    constants: Mapping[str, object],
    vectors: Iterable[np.ndarray],
) -> dict[str, Column]:
    """Returns the arrays of a results/features_*.npz; a label that is no class is unknown.

    Args:
        views: those of the file.
        splits: those of the file.
        totals: of all views.
        info: the network.
        constants: arrays that say how all features were made.
        vectors: the features, some views at a time.
    """
    number = {name: number for number, name in enumerate(totals.class_names)}
    rows = sum(totals.views[split] for split in splits)
    longest = max(1, *(totals.longest[split] for split in splits), 1)

    def column(dtype: str, value: Callable[[View], object]) -> Column:
        windows = parallel.batched(views(), WINDOW)
        chunks = (np.array([value(view) for view in window], dtype) for window in windows)
        return Column(np.dtype(dtype), (rows,), chunks)

    return {
        "features": Column(np.dtype(info.dtype), (rows, *info.feature_shape), vectors),
        "labels": column("<i4", lambda view: number.get(view.row.label, -1)),
        "class_names": Column.from_array(np.array(totals.class_names, str)),
        "sha256": column("<U64", lambda view: view.row.sha256),
        "paths": column(f"<U{longest}", lambda view: view.row.path),
        "views": column("<i4", lambda view: view.number),
        **{name: Column.from_array(np.array(value)) for name, value in constants.items()},
    }


def main(
    images_csv: Path = manifest.PATH,
    folder: Path = base.FOLDER,
    train: Path = features.TRAIN,
    test: Path = features.TEST,
) -> None:
    """Extracts the features of all images of images.csv."""
    started = time.perf_counter()
    settings = params.load("extract", Params)
    info, cache_folder = base.read_info(folder), database.cache_folder()
    runtime = engine.runtime(info.engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    augmentation_id = fingerprint.of_augmentation(settings)
    cache = FeatureCache(
        cache_folder, identity, info.feature_shape, info.dtype, f"{info}, {runtime}"
    )

    def views(splits: Iterable[str] = ("train", "validation", "test")) -> Iterator[View]:
        rows = (row for row in manifest.iter_rows(images_csv) if row.split in splits)
        return augmentation.all_views(rows, settings, augmentation_id)

    if forward.count_missing(views(), cache):
        for path in committed.find(train, test):
            committed.import_features(cache, path, identity)
    totals = survey(views(), cache, FileIndex(cache_folder))
    decode_views = partial(
        decoded, height=info.image_height, width=info.image_width, ranges=settings
    )
    extractor = FeatureExtractor(folder, settings.batch_size, cache, decode_views, settings.threads)
    if totals.missing:
        extractor.compute_missing(views(), totals.missing)
    constants = {
        "train_views": np.array(settings.train_numbers(), "<i4"),
        "tta_views": np.array(settings.tta_numbers(), "<i4"),
        "augmentation_id": augmentation_id if settings.augments() else "",
        "fingerprint": identity,
        "weights": info.weights,
    }
    shapes = {}
    for out, splits in ((train, SPLITS["train"]), (test, SPLITS["test"])):
        vectors = extractor.gather(views(splits))
        arrays = columns(partial(views, splits), splits, totals, info, constants, vectors)
        features.write(out, arrays)
        shapes[out] = arrays["features"].shape
    cache.close()
    if cache.damaged:
        warn(f"{cache.path}: {count(cache.damaged, 'damaged row')} computed again")
    where = f" on {engine.device(info.engine)}" if extractor.new else ""
    print(line(totals.images, shapes, extractor.new, time.perf_counter() - started) + where)


def line(images: int, shapes: dict[Path, tuple[int, ...]], new: int, seconds: float) -> str:
    """Returns what the stage prints when it has finished."""
    total = sum(shape[0] for shape in shapes.values())
    files = ", ".join(f"{path.as_posix()} {shape}" for path, shape in shapes.items())
    views = f" in {total} views" if total != images else ""
    done = f"{new} new -> {files}, {total - new} reused, {seconds:.1f} s"
    return f"extract: {count(images, 'image')}{views}, {done}"
