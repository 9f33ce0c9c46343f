"""Forward passes: a view goes through the network only if its features are not cached."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np

from classifier.cache.features import FeatureCache, NewRows
from classifier.common import parallel
from classifier.common.errors import count
from classifier.dataset.features import rows_per_chunk
from classifier.images.augmentation import View
from classifier.images.decode import Pixels

WINDOW = 4096  # views whose keys are looked up at once
VIEWS_PER_DECODE = 8  # of one image, in memory at once

Decode = Callable[..., list[Pixels]]  # `images.decode_views` with all but views and content


class Pool(Protocol):
    """A place to decode images and to run the frozen network.

    Attributes:
        batch_size: views in the network or on their way to the cache, at most; on a cluster: of a
            task.
    """

    batch_size: int

    @property
    def place(self) -> str:
        """Returns where the features were computed, for people to read."""

    def map(self, groups: Iterable[list[View]], estimate: int) -> Iterator[NewRows]:
        """Yields the features of groups of views in any order; a view may come twice.

        Each group is of one image; all views together are about `estimate`.
        """


def missing(views: Iterable[View], cache: FeatureCache, size: int) -> Iterator[View]:
    """Yields one view of each content that has no cached features.

    Looks into the cache again before every `size` of them once another process has added rows;
    after a collision with one, each process continues in a random order of its own.
    """
    requested: set[bytes] = set()
    for window in parallel.batched(views, WINDOW):
        requested -= cache.has(requested)
        by_key, version = {view.key: view for view in window}, cache.version()
        keys = list(by_key.keys() - cache.has(by_key) - requested)
        keys.sort(key=lambda key: (by_key[key].row.path, by_key[key].number))
        if cache.contended:
            random.shuffle(keys)
        for batch in parallel.batched(keys, size):
            cached = cache.has(batch) if cache.version() != version else ()
            for key in batch:
                if key not in cached:
                    requested.add(key)
                    yield by_key[key]


@dataclass
class FeatureExtractor:
    """Where features are computed, and the cache of what was computed."""

    pool: Pool
    cache: FeatureCache
    on_batch: Callable[[int], object]  # called with the number of views of each finished batch
    new: int = 0  # views that went through the network
    _in_writing: list[bytes] = field(default_factory=list)  # keys not counted in `new` yet

    def compute_missing(self, views: Iterable[View], estimate: int) -> None:
        """Computes and caches the features of the views that lack them, about `estimate`.

        Raises:
            KeyboardInterrupt: saying how much is cached.
        """
        todo = missing(views, self.cache, max(1, min(self.pool.batch_size, estimate)))
        try:
            for _ in self._compute(todo, estimate):
                pass
        except KeyboardInterrupt:
            self.new += len(self.cache.has(self._in_writing))
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

        All views, about `estimate`, are different.
        """
        if not estimate:
            return
        images = groupby(views, key=lambda view: view.row.path)
        groups = (some for _, image in images for some in parallel.batched(image, VIEWS_PER_DECODE))
        for rows in self.pool.map(groups, estimate):
            self._in_writing = rows.keys
            self.cache.add(rows)
            self.new, self._in_writing = self.new + len(rows.keys), []
            self.on_batch(len(rows.keys))
            yield dict(zip(rows.keys, rows.features, strict=True))
