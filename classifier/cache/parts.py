"""The features of a large cache: 256 files by the first byte of the key."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from classifier.cache.database import Access
from classifier.cache.feature_file import FeatureFile

COUNT = 256
OPEN_FILES = 4  # at most one of so many open files that a process may have is one of these


class Parts:
    """The features of one network by key, in files of their own for each first byte.

    Keys begin with a SHA-256, so that the files are equally large. Files appear once they have
    rows. Methods may be called from several threads.

    Args:
        folder: of the files.
        meta: what they hold, as in FeatureFile.
        access: who else uses them.
    """

    def __init__(
        self, folder: Path, meta: Mapping[str, str], access: Access = Access.SELDOM
    ) -> None:
        self.folder = folder
        self._meta, self._access = meta, access
        self._open = OrderedDict[int, FeatureFile]()  # the least recently used first
        self._closed_damaged = 0
        self._limit = _limit()
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        """Tells whether there are any: whether one file has been too small."""
        return self.folder.exists()

    @property
    def damaged(self) -> int:
        """Returns the number of rows that did not match their checksum."""
        return self._closed_damaged + sum(file.damaged for file in self._open.values())

    def has(self, keys: Iterable[bytes]) -> set[bytes]:
        """Returns the keys that have a row."""
        with self._lock:
            return {key for file, some in self._files(keys) for key in file.has(some)}

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Returns the features of the keys that have an intact row."""
        found = dict[bytes, bytes]()
        with self._lock:
            for file, some in self._files(keys):
                found |= file.get(some)
        return found

    def fill(self, source: FeatureFile, limit: int) -> Iterator[int]:
        """Moves all rows of another file here, up to `limit` at a time; yields after each part."""
        for first in source.first_bytes():
            while True:
                with self._lock:
                    moved = source.move(first, self._file(first), limit)
                if moved < limit:
                    break
            yield first

    def check_index(self) -> bool:
        """Tells whether rows seemed to be missing because an index of keys was damaged."""
        with self._lock:
            paths = ((first, self._path(first)) for first in range(COUNT))
            existing = [first for first, path in paths if path.exists()]
            return sum(self._file(first).check_index() for first in existing) > 0

    def close(self) -> None:
        """Closes the files."""
        with self._lock:
            while self._open:
                self._close_one()

    def _path(self, first: int) -> Path:
        return self.folder / f"{first:02x}.sqlite"

    def _files(self, keys: Iterable[bytes]) -> Iterator[tuple[FeatureFile, list[bytes]]]:
        """Yields the existing files of the keys, with the keys of each."""
        if not self:
            return
        groups = defaultdict[int, list[bytes]](list)
        for key in keys:
            groups[key[0]].append(key)
        for first, some in sorted(groups.items()):
            if first in self._open or self._path(first).exists():
                yield self._file(first), some

    def _file(self, first: int) -> FeatureFile:
        if first not in self._open:
            if len(self._open) >= self._limit:
                self._close_one()
            self._open[first] = FeatureFile(self._path(first), self._meta, self._access)
        self._open.move_to_end(first)
        return self._open[first]

    def _close_one(self) -> None:
        _, file = self._open.popitem(last=False)
        file.close()
        self._closed_damaged += file.damaged


def _limit() -> int:
    """Returns how many files may be open: all on Linux, fewer on macOS with its limit of 256."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return COUNT
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return COUNT if limit == resource.RLIM_INFINITY else max(1, min(COUNT, limit // OPEN_FILES))
