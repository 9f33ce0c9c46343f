"""Forward passes: a view goes through the network only if its features are not cached."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

import numpy as np

from classifier.cache.features import FeatureCache
from classifier.common import cores, parallel
from classifier.common.errors import count
from classifier.dataset.features import rows_per_chunk
from classifier.images.augmentation import View
from classifier.images.decode import Pixels
from classifier.inference import engine
from classifier.inference.engine import Engine

WINDOW = 4096  # views whose keys are looked up at once
VIEWS_PER_DECODE = 8  # of one image, in memory at once

Decode = Callable[[list[View]], list[Pixels]]  # views of one image -> uint8 (height, width, 3) each


def missing(views: Iterable[View], cache: FeatureCache, size: int) -> Iterator[View]:
    """Yields one view of each content that has no cached features.

    Looks into the cache again before every `size` of them, since another process may have computed
    them meanwhile; after such a collision each process continues in a random order of its own.
    """
    requested: set[bytes] = set()
    for window in parallel.batched(views, WINDOW):
        requested -= cache.has(requested)
        by_key = {view.key: view for view in window}
        keys = list(by_key.keys() - cache.has(by_key) - requested)
        keys.sort(key=lambda key: (by_key[key].row.path, by_key[key].number))
        if cache.contended:
            random.shuffle(keys)
        for batch in parallel.batched(keys, size):
            cached = cache.has(batch)
            for key in batch:
                if key not in cached:
                    requested.add(key)
                    yield by_key[key]


@dataclass
class FeatureExtractor:
    """The frozen network, and the cache of what it has computed."""

    folder: Path  # of the network, models/base
    cache: FeatureCache  # of its features
    decode: Decode
    batch_size: int  # views in the network or on their way to the cache, at most
    threads: int  # processor cores to use; 0: all
    on_batch: Callable[[int], object]  # called with the number of views of each finished batch
    new: int = 0  # views that went through the network
    _engine: Engine | None = None  # takes seconds to load: only if there is work

    def compute_missing(self, views: Iterable[View], estimate: int) -> None:
        """Computes and caches the features of the views that lack them, about `estimate`.

        Raises:
            KeyboardInterrupt: saying how much is cached.
        """
        todo = missing(views, self.cache, max(1, min(self.batch_size, estimate)))
        try:
            for _ in self._compute(todo, estimate):
                pass
        except KeyboardInterrupt:
            done = f"the features of {count(self.new, 'new image')} are cached"
            raise KeyboardInterrupt(f"{done}; run `dvc repro` to resume") from None

    def collect(self, views: Iterable[View]) -> Iterator[np.ndarray]:
        """Yields the features of the views in their order, (n, *feature_shape) at a time.

        Computes those that are not cached: the cache is read-only, or a row was damaged.
        """
        size = rows_per_chunk(self.cache.shape, self.cache.dtype)
        for chunk in parallel.batched(views, size):
            by_key = {view.key: view for view in chunk}
            vectors = self.cache.get(by_key)
            lost = [view for key, view in by_key.items() if key not in vectors]
            for batch in self._compute(lost, len(lost)):
                vectors |= batch
            yield np.stack([vectors[view.key] for view in chunk])

    def _compute(self, views: Iterable[View], estimate: int) -> Iterator[dict[bytes, np.ndarray]]:
        """Computes and caches features, and yields them by key, one batch at a time.

        Decoding, network and cache work at the same time, each on other views. All views, about
        `estimate`, are different.
        """
        if not estimate:
            return
        self._engine = self._engine or engine.load(self.folder, self.threads)
        calls = min(2 * self._engine.concurrency, self.batch_size)  # one runs, the next waits
        size = min(self._engine.max_batch_size, max(1, min(self.batch_size, estimate) // calls))
        workers = self.threads or cores.count()
        prefetch = calls * size + workers
        images = groupby(views, key=lambda view: view.row.path)
        groups = (some for _, image in images for some in parallel.batched(image, VIEWS_PER_DECODE))
        decoded = parallel.prefetch_map(self._decoded, groups, workers, prefetch)
        batches = parallel.batched(chain.from_iterable(decoded), size)
        done = parallel.prefetch_map(self._forward, batches, self._engine.concurrency, calls)
        for keys, vectors in done:
            self.cache.put(keys, vectors)
            self.new += len(keys)
            self.on_batch(len(keys))
            yield dict(zip(keys, vectors, strict=True))

    def _decoded(self, views: list[View]) -> list[tuple[bytes, Pixels]]:
        return [(view.key, pixels) for view, pixels in zip(views, self.decode(views), strict=True)]

    def _forward(self, batch: list[tuple[bytes, Pixels]]) -> tuple[list[bytes], np.ndarray]:
        assert self._engine
        keys, pixels = zip(*batch, strict=True)
        return list(keys), self._engine.features(np.stack(pixels))
