"""Compute one of several shards of the features, on one of several machines: `--shard 3/8`.

Reads   results/images.csv, results/unlabelled.csv and the images they list, models/base, .cache
Writes  a file in .cache/shards, which the next `dvc repro` adds to the cache
"""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

from classifier.cache import database, fingerprint, shards
from classifier.cache.features import FeatureCache
from classifier.common import params, progress
from classifier.common.errors import StageError
from classifier.dataset import manifest
from classifier.images import augmentation
from classifier.images.augmentation import View
from classifier.inference import base, engine
from stages.extract import forward, images
from stages.extract.forward import WINDOW, FeatureExtractor
from stages.extract.params import Params
from stages.extract.threads import Threads


def belongs(sha256: str, number: int, of: int) -> bool:
    """Tells whether an image, by the hash of its content, is in shard `number` of `of`, from 1."""
    return int(sha256[:8], 16) % of == number - 1


def main(
    number: int,
    of: int,
    images_csv: Path = manifest.PATH,
    unlabelled_csv: Path = manifest.UNLABELLED,
    folder: Path = base.FOLDER,
) -> None:
    """Computes the missing features of shard `number` of `of`, from 1, in threads of this process.

    All views of an image are in the same shard. The cache is read, but not locked or written.
    """
    started = time.perf_counter()
    settings = params.load("extract", Params)
    tables = images_csv, unlabelled_csv
    info, cache_folder = base.read_info(folder), database.cache_folder()
    runtime = engine.runtime(info.engine)
    identity = fingerprint.of_features(base.files_hash(folder), runtime)
    augmentation_id = fingerprint.of_augmentation(settings)
    shard = shards.begin(cache_folder, identity, number, of)
    network = identity, info.feature_shape, info.dtype, f"{info}, {runtime}"
    decode = partial(
        images.decode_views, height=info.image_height, width=info.image_width, ranges=settings
    )
    pool = Threads(folder, identity, decode, settings.batch_size, settings.threads)

    def views() -> Iterator[View]:
        rows = chain.from_iterable(map(manifest.iter_rows, tables))
        own = (row for row in rows if belongs(row.sha256, number, of))
        return augmentation.all_views(own, settings, augmentation_id)

    with closing(FeatureCache(cache_folder, *network, shard)) as cache:
        if not cache.writable:
            raise StageError(f"{shard.path}: must be writable: what is computed has no other place")
        missing = sum(1 for _ in forward.missing(views(), cache, WINDOW))
        with progress.bar(f"extract {number}/{of}", missing) as bar:
            extractor = FeatureExtractor(pool, cache, bar.update)
            try:
                extractor.compute_missing(views(), missing)
            except KeyboardInterrupt:
                raise KeyboardInterrupt("run the same command to resume") from None
    path = shards.finish(shard)
    seconds = time.perf_counter() - started
    print(f"extract: shard {number}/{of}: {extractor.new:,} new -> {path}, {seconds:.1f} s")
