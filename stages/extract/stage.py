"""Compute the features of every image, once per content, and collect them in three tables.

Reads   results/images.csv, results/unlabelled.csv and the images they list, models/base
Writes  results/features_train, results/features_test, results/features_unlabelled
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from classifier.cache import database, fingerprint, shards
from classifier.cache.features import FeatureCache
from classifier.cache.files import FileIndex
from classifier.common import files, params, progress
from classifier.common.errors import count, warn
from classifier.dataset import feature_writer, features, manifest
from classifier.dataset.manifest import ImageRow
from classifier.dataset.npz import Column
from classifier.images import augmentation, conversion
from classifier.images.augmentation import View
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo
from stages.extract import committed, images
from stages.extract.forward import Decode, FeatureExtractor, Pool
from stages.extract.params import Params
from stages.extract.parts import make_parts
from stages.extract.ray_pool import RayPool
from stages.extract.survey import SPLITS, Survey, survey
from stages.extract.threads import Threads

FEW = 8  # views that are computed sooner than DVC finds what the last commit has


def make_pool(
    settings: Params, folder: Path, identity: str, decode: Decode, show: Callable[[str], object]
) -> Pool:
    """Returns where to run the network in the folder; `show` is told what the pool has to say."""
    if settings.run_on == "ray":
        return RayPool(folder, decode, settings.batch_size, show)
    return Threads(folder, identity, decode, settings.batch_size, settings.threads)


def should_import(missing: int, views: int) -> bool:
    """Tells whether enough views are missing to look for them in the last commit."""
    return missing > min(FEW, views // 50)


def take_stock(
    views: Callable[[], Iterable[View]],
    cache: FeatureCache,
    identity: str,
    outputs: Iterable[Path],
    file: IO[bytes],
) -> Survey:
    """Surveys all images, after an import of features from the last commit if many are missing.

    Args:
        views: returns those of all images.
        cache: of features.
        identity: of all that features depend on besides the images.
        outputs: the tables of this stage.
        file: for the rows of all images.
    """
    with closing(FileIndex(database.cache_folder())) as index:
        dataset = survey(views(), cache, index, file)
        if dataset.missing:
            changed = cache.check_index()
            if should_import(dataset.missing, dataset.views.total()):
                changed |= committed.import_features(cache, identity, *outputs) > 0
            if changed:
                dataset = survey(views(), cache, index, file)
    return dataset


def constants(
    settings: Params, info: BaseInfo, identity: str, dataset: Survey
) -> dict[str, object]:
    """Returns the arrays of the tables that say how all features were made.

    Args:
        settings: section `extract`.
        info: of the network.
        identity: of all that features depend on besides the images.
        dataset: what the survey has found.
    """
    return {
        "class_names": np.array(sorted(dataset.classes), str),
        "train_views": np.array(settings.train_numbers(), "<i4"),
        "tta_views": np.array(settings.tta_numbers(), "<i4"),
        "augmentation_id": fingerprint.of_augmentation(settings) if settings.augments() else "",
        "grey_ranges": conversion.all_ranges(dataset.conversions),
        "layers": info.layers,
        "layer_sizes": np.array(info.layer_sizes, "<i4"),
        "fingerprint": identity,
        "weights": info.weights,
    }


def summary_line(
    dataset: Survey, outputs: Mapping[str, Path], shape: Sequence[int], new: int
) -> str:
    """Returns the line the stage prints, without its time."""
    n_images = sum(images.images for images in dataset.tables.values())
    n_views = dataset.views.total()
    written = (
        f"{out.as_posix()} {(dataset.views[name], *shape)}"
        for name, out in outputs.items()
        if name != "unlabelled" or dataset.views[name]
    )
    return (
        f"extract: {count(n_images, 'image')}"
        + (f" in {n_views} views" if n_views != n_images else "")
        + f", {new:,} new -> {', '.join(written)}, {n_views - new:,} reused"
    )


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
    tables = images_csv, unlabelled_csv
    info = base.read_info(folder)
    runtime = engine.runtime(info.engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    note, shape = f"{info}, {runtime}", info.feature_shape
    cache = FeatureCache(database.cache_folder(), identity, shape, info.dtype, note)
    if added := shards.adopt(database.cache_folder(), cache).added:
        print(f"extract: {count(added, 'feature')} of other processes now in the cache")
    outputs = dict(zip(SPLITS, (train, test, unlabelled), strict=True))

    def views_of(rows: Iterable[ImageRow]) -> Iterator[View]:
        return augmentation.all_views(rows, settings, fingerprint.of_augmentation(settings))

    def views() -> Iterator[View]:
        return views_of(chain.from_iterable(map(manifest.iter_rows, tables)))

    decode = partial(
        images.decode_views, height=info.image_height, width=info.image_width, ranges=settings
    )
    with files.disk_errors(train), tempfile.TemporaryFile(dir=train.parent) as file:
        dataset = take_stock(views, cache, identity, outputs.values(), file)
        arrays = constants(settings, info, identity, dataset)
        depends_on = identity, arrays["augmentation_id"], shape, info.dtype
        text_apart = manifest.is_parquet(images_csv)
        with progress.bar("extract", dataset.missing) as bar:
            pool = make_pool(settings, folder, identity, decode, bar.set_postfix_str)
            extractor = FeatureExtractor(pool, cache, bar.update)

            def vectors(rows: Iterable[ImageRow], n_views: int) -> Column:
                chunks = extractor.collect(views_of(rows))
                return Column(np.dtype(info.dtype), (n_views, *shape), chunks)

            if cache.writable:  # else `collect` computes them, chunk by chunk
                extractor.compute_missing(views(), dataset.missing)
            for name, out in outputs.items():
                classes = sorted(dataset.classes)
                parts = make_parts(dataset.tables[name], settings, classes, vectors, depends_on)
                feature_writer.write(out, arrays, parts, text_apart)
    cache.close()
    if cache.damaged:
        warn(f"{cache.path}: {count(cache.damaged, 'damaged row')} computed again")
    print(
        f"{summary_line(dataset, outputs, shape, extractor.new)}, "
        f"{time.perf_counter() - started:.1f} s" + (f" on {pool.place}" if extractor.new else "")
    )
