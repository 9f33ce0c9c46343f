"""The latest of something that is loaded from files: loaded again once they have changed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from classifier.common.errors import StageError
from classifier.serving import snapshot

SECONDS = 1.0  # between two looks at the files; they must not have changed in this time


class Closeable(Protocol):
    """Something to close once it is not used any more."""

    def close(self) -> object:
        """Frees what it holds."""


T = TypeVar("T", bound=Closeable)


class _Loaded(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value, self.users = value, 0


class Reloading(Generic[T]):
    """Lends out what `load` returns; while new files are loaded, or cannot be, that of the old.

    Args:
        load: returns it; a StageError says why it cannot.
        paths: the files and folders that it is loaded from.
        tell: called with a sentence when new files were loaded, or could not be.

    Attributes:
        outdated: why it is not of the present files; empty if it is.
    """

    def __init__(
        self, load: Callable[[], T], paths: tuple[Path, ...], tell: Callable[[str], object]
    ) -> None:
        self._load, self._paths, self._tell = load, paths, tell
        self._signature = self._seen = snapshot.signature(*paths)  # loaded, or tried; last seen
        self._current = _Loaded(load())
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._thread: threading.Thread | None = None
        self.outdated = ""

    @contextmanager
    def lease(self) -> Iterator[T]:
        """Yields the latest; it is not closed before the end of the block."""
        with self._lock:
            self._look()
            loaded = self._current
            loaded.users += 1
        try:
            yield loaded.value
        finally:
            with self._lock:
                loaded.users -= 1
                unused = loaded is not self._current and not loaded.users
            if unused:
                loaded.value.close()

    def close(self) -> None:
        """Closes the latest, whoever uses it."""
        self._current.value.close()

    def _look(self) -> None:
        """Starts to load the files in a thread if they have changed, but not since last time."""
        busy = self._thread is not None and self._thread.is_alive()
        if busy or time.monotonic() < self._looked + SECONDS:
            return
        self._looked, before = time.monotonic(), self._seen
        self._seen = snapshot.signature(*self._paths)
        if self._seen == self._signature:
            return
        self.outdated = "the model has changed; the new one is loaded as soon as it is complete"
        if self._seen == before:
            self._signature = self._seen
            self._thread = threading.Thread(target=self._reload, daemon=True)
            self._thread.start()

    def _reload(self) -> None:
        try:
            loaded = _Loaded(self._load())
        except (StageError, OSError, ValueError, KeyError) as error:
            self.outdated = f"the model has changed, and the new one cannot be loaded: {error}"
            self._tell(self.outdated)
            return
        with self._lock:
            old, self._current, self.outdated = self._current, loaded, ""
            unused = not old.users
        if unused:
            old.value.close()
        self._tell("the model has changed; the new one is loaded")
