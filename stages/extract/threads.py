"""Decoding and forward passes in threads of this process."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from classifier.cache.features import NewRows, new_rows
from classifier.common import cores, parallel
from classifier.images.augmentation import View
from classifier.images.decode import Pixels
from classifier.inference import base, engine
from classifier.inference.engine import Engine
from stages.extract.forward import Decode


@dataclass
class Threads:
    """The frozen network on this machine; see `forward.Pool`."""

    folder: Path  # of the network, models/base
    fingerprint: str  # of the network, as in the cache
    decode: Decode
    batch_size: int  # views in the network or waiting for it, at most
    threads: int  # processor cores to use; 0: all
    _engine: Engine | None = None  # takes seconds to load: only if there is work

    @property
    def place(self) -> str:
        """Returns `CPU` or `GPU`."""
        return engine.device(base.read_info(self.folder).engine)

    def map(self, groups: Iterable[list[View]], estimate: int) -> Iterator[NewRows]:
        """Yields features; decoding and network work at the same time, on other views."""
        self._engine = self._engine or engine.load(self.folder, self.threads)
        calls = min(2 * self._engine.concurrency, self.batch_size)  # one runs, the next waits
        size = min(self._engine.max_batch_size, max(1, min(self.batch_size, estimate) // calls))
        workers = self.threads or cores.count()
        prefetch = calls * size + workers
        decoded = parallel.prefetch_map(self._decoded, groups, workers, prefetch)
        batches = parallel.batched(chain.from_iterable(decoded), size)
        forward = partial(self._forward, dtype=base.read_info(self.folder).dtype)
        return parallel.prefetch_map(forward, batches, self._engine.concurrency, calls)

    def _decoded(self, views: list[View]) -> list[tuple[bytes, Pixels]]:
        return [(view.key, pixels) for view, pixels in zip(views, self.decode(views), strict=True)]

    def _forward(self, batch: list[tuple[bytes, Pixels]], dtype: str) -> NewRows:
        assert self._engine
        keys, pixels = zip(*batch, strict=True)
        computed = self._engine.features(np.stack(pixels))
        return new_rows(self.fingerprint, dtype, list(keys), computed)
