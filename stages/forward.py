"""Forward passes: a picture goes through the network only if the image store lacks its features."""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from stages import engine, progress
from stages.engine import Engine
from stages.features import rows_at_once
from stages.images import Pixels
from stages.rows import Rows
from stages.views import View

WINDOW = 4096  # rows of the list of pictures in memory


def missing(table: Iterable[View], kept: Rows, size: int) -> Iterator[View]:
    """Yields a view of each content that has no features yet, once.

    Looks again before every `size` of them, for another process may have computed them meanwhile;
    where one does, both go through the pictures in an order of their own, so as not to meet.
    """
    asked: set[bytes] = set()
    for window in progress.groups(table, WINDOW):
        asked -= kept.has(asked)
        contents = {view.key: view for view in window}
        todo = list(contents.keys() - kept.has(contents) - asked)
        todo.sort(key=lambda key: (contents[key].row.path, contents[key].number))
        if kept.contended:
            random.shuffle(todo)
        for some in progress.groups(todo, size):
            have = kept.has(some)
            for key in some:
                if key not in have:
                    asked.add(key)
                    yield contents[key]


def count_missing(table: Iterable[View], kept: Rows) -> int:
    """Returns how many views have no features yet; one may count twice."""
    windows = ({view.key for view in w} for w in progress.groups(table, WINDOW))
    return sum(len(keys - kept.has(keys)) for keys in windows)


class Forward:
    """The network, and the store that spares its work.

    Args:
        folder: of the network, models/base.
        batch_size: pictures in the network or on their way from it to the store, at most.
        kept: the store.
        pixels: returns a view as uint8 (height, width, 3).
        threads: processor cores to use; 0: all.

    Attributes:
        new: pictures that went through the network.
    """

    def __init__(
        self,
        folder: Path,
        batch_size: int,
        kept: Rows,
        pixels: Callable[[View], Pixels],
        threads: int = 0,
    ) -> None:
        self.new = 0
        self._folder = folder
        self._batch_size = batch_size
        self._kept = kept
        self._pixels = pixels
        self._threads = threads
        self._engine: Engine | None = None  # its start takes seconds: only if there is work

    def compute(self, wanted: Iterable[View], count: int) -> Iterator[dict[bytes, np.ndarray]]:
        """Computes and keeps features, and yields them by key, some pictures at a time.

        Decoding, network and store work at once, each on other pictures.

        Args:
            wanted: different views.
            count: about how many.
        """
        self._engine = self._engine or engine.load(self._folder, self._threads)
        calls = min(2 * self._engine.requests, self._batch_size)  # one runs, the next waits
        size = min(self._engine.enough, max(1, min(self._batch_size, count) // calls))
        workers = self._threads or os.cpu_count() or 1
        decoded = progress.ahead(self._decoded, wanted, workers, calls * size + workers)
        groups = progress.groups(decoded, size)
        done = progress.ahead(self._passed, groups, self._engine.requests, calls)
        for keys, vectors in done:
            self._kept.put(keys, vectors)
            self.new += len(keys)
            yield dict(zip(keys, vectors, strict=True))

    def fill(self, table: Iterable[View], count: int) -> None:
        """Computes what the store lacks; `count` is about how much."""
        with progress.bar("extract", count) as bar:
            try:
                wanted = missing(table, self._kept, min(self._batch_size, count))
                for batch in self.compute(wanted, count):
                    bar.update(len(batch))
            except KeyboardInterrupt:
                kept = f"the features of {self.new:,} new pictures are kept"
                raise KeyboardInterrupt(f"{kept}, and `dvc repro` goes on from there") from None

    def gather(self, table: Iterable[View]) -> Iterator[np.ndarray]:
        """Yields the features of the views in their order, (n, *feature_shape)."""
        size = rows_at_once(self._kept.shape, self._kept.dtype)
        for group in progress.groups(table, size):
            contents = {view.key: view for view in group}
            found = self._kept.get(contents)
            lost = [view for key, view in contents.items() if key not in found]
            if lost:  # damaged, or deleted meanwhile
                for batch in self.compute(lost, len(lost)):
                    found |= batch
            yield np.stack([found[view.key] for view in group])

    def _decoded(self, view: View) -> tuple[bytes, Pixels]:
        return view.key, self._pixels(view)

    def _passed(self, group: list[tuple[bytes, Pixels]]) -> tuple[list[bytes], np.ndarray]:
        assert self._engine
        keys, pictures = zip(*group, strict=True)
        return list(keys), self._engine.features(np.stack(pictures))
