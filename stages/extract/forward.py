"""Forward passes: a view goes through the network only if its features are not cached."""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from pathlib import Path

import numpy as np

from classifier.cache.features import FeatureCache
from classifier.common import parallel, progress
from classifier.dataset.features import rows_per_chunk
from classifier.images.augmentation import View
from classifier.images.decode import Pixels
from classifier.inference import engine
from classifier.inference.engine import Engine

WINDOW = 4096  # views in memory
VIEWS_PER_DECODE = 8  # of one image, decoded together

Decode = Callable[[list[View]], list[Pixels]]  # views of one image -> uint8 (height, width, 3) each


def missing(views: Iterable[View], cache: FeatureCache, size: int) -> Iterator[View]:
    """Yields a view of each content that has no features yet, once.

    Asks the cache again before every `size` of them, since another process may have computed them
    meanwhile; once one has, each process takes its own random order, so that they do not meet.
    """
    asked: set[bytes] = set()
    for window in parallel.batched(views, WINDOW):
        asked -= cache.has(asked)
        contents = {view.key: view for view in window}
        todo = list(contents.keys() - cache.has(contents) - asked)
        todo.sort(key=lambda key: (contents[key].row.path, contents[key].number))
        if cache.contended:
            random.shuffle(todo)
        for keys in parallel.batched(todo, size):
            cached = cache.has(keys)
            for key in keys:
                if key not in cached:
                    asked.add(key)
                    yield contents[key]


def count_missing(views: Iterable[View], cache: FeatureCache) -> int:
    """Returns how many views have no features yet; one may count twice."""
    windows = ({view.key for view in w} for w in parallel.batched(views, WINDOW))
    return sum(len(keys - cache.has(keys)) for keys in windows)


def by_image(views: Iterable[View]) -> Iterator[list[View]]:
    """Yields views of one image that follow each other, VIEWS_PER_DECODE at most."""
    for _, group in groupby(views, key=lambda view: view.row.path):
        yield from parallel.batched(group, VIEWS_PER_DECODE)


class FeatureExtractor:
    """The frozen network, and the cache that spares its work.

    Args:
        folder: of the network, models/base.
        batch_size: views in the network or on their way from it to the cache, at most.
        cache: of features.
        decode: returns the pixels of views of one image.
        threads: processor cores to use; 0: all.

    Attributes:
        new: views that went through the network.
    """

    def __init__(
        self,
        folder: Path,
        batch_size: int,
        cache: FeatureCache,
        decode: Decode,
        threads: int = 0,
    ) -> None:
        self.new = 0
        self._folder = folder
        self._batch_size = batch_size
        self._cache = cache
        self._decode = decode
        self._threads = threads
        self._engine: Engine | None = None  # its start takes seconds: only if there is work

    def compute(self, views: Iterable[View], count: int) -> Iterator[dict[bytes, np.ndarray]]:
        """Computes and caches features, and yields them by key, some at a time.

        Decoding, network and cache work at the same time, each on other views.

        Args:
            views: all different.
            count: about how many.
        """
        self._engine = self._engine or engine.load(self._folder, self._threads)
        calls = min(2 * self._engine.concurrency, self._batch_size)  # one runs, the next waits
        size = min(self._engine.max_batch_size, max(1, min(self._batch_size, count) // calls))
        workers = self._threads or os.cpu_count() or 1
        prefetch = calls * size + workers
        decoded = parallel.prefetch_map(self._decoded, by_image(views), workers, prefetch)
        groups = parallel.batched(chain.from_iterable(decoded), size)
        done = parallel.prefetch_map(self._forward, groups, self._engine.concurrency, calls)
        for keys, vectors in done:
            self._cache.put(keys, vectors)
            self.new += len(keys)
            yield dict(zip(keys, vectors, strict=True))

    def compute_missing(self, views: Iterable[View], count: int) -> None:
        """Computes what is not cached; `count` is about how much."""
        with progress.bar("extract", count) as bar:
            try:
                todo = missing(views, self._cache, min(self._batch_size, count))
                for batch in self.compute(todo, count):
                    bar.update(len(batch))
            except KeyboardInterrupt:
                kept = f"the features of {self.new:,} new images are cached"
                raise KeyboardInterrupt(f"{kept}; run `dvc repro` to resume") from None

    def gather(self, views: Iterable[View]) -> Iterator[np.ndarray]:
        """Yields the features of the views in their order, (n, *feature_shape)."""
        size = rows_per_chunk(self._cache.shape, self._cache.dtype)
        for group in parallel.batched(views, size):
            contents = {view.key: view for view in group}
            found = self._cache.get(contents)
            lost = [view for key, view in contents.items() if key not in found]
            if lost:  # damaged, or deleted meanwhile
                for batch in self.compute(lost, len(lost)):
                    found |= batch
            yield np.stack([found[view.key] for view in group])

    def _decoded(self, views: list[View]) -> list[tuple[bytes, Pixels]]:
        pixels = self._decode(views)
        return [(view.key, one) for view, one in zip(views, pixels, strict=True)]

    def _forward(self, group: list[tuple[bytes, Pixels]]) -> tuple[list[bytes], np.ndarray]:
        assert self._engine
        keys, pixels = zip(*group, strict=True)
        return list(keys), self._engine.features(np.stack(pixels))
