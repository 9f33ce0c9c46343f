"""Worker processes that decode images, which may crash, hang or run out of memory.

If a decoder does so on a hostile file, its process is replaced; the others are not affected.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from queue import Empty, LifoQueue
from typing import Any, TypeVar, TypeVarTuple

import psutil
from PIL import Image

from classifier.common import cores
from classifier.images.decode import ImageError

BYTES_PER_PIXEL = 24  # of memory, at most: WebP needs 16
SPARE_BYTES = 1_000_000_000  # of address space for all else
START_SECONDS = 60.0  # that a process may take to start
SPAWN = multiprocessing.get_context("spawn")  # a fork would copy the locks of other threads

Args = TypeVarTuple("Args")
R = TypeVar("R")


class DecodePool:
    """Processes that run functions, started when first needed; `call` may come from any thread.

    Args:
        max_pixels: of an image, which bounds the memory of a process.
        workers: number of processes, at most; 0: one per processor core.
    """

    def __init__(self, max_pixels: int, workers: int = 0) -> None:
        self.workers = workers or cores.count()
        self._all = [_Worker(max_pixels) for _ in range(self.workers)]
        self._free: LifoQueue[_Worker] = LifoQueue()  # last used first: few are ever started
        for worker in self._all:
            self._free.put(worker)

    def start(self) -> None:
        """Starts a process, so that it is ready when it is needed."""
        self._all[-1].start()

    def call(
        self,
        function: Callable[[*Args], R],
        *args: *Args,
        seconds: float,
        patience: float | None = None,
    ) -> R:
        """Returns what a function of a module returns in one of the processes.

        Args:
            function: what to run.
            args: its arguments.
            seconds: that it may take.
            patience: seconds to wait for a process, at most; None: no limit.

        Raises:
            ImageError: `too_slow`, `crashed`, `too_large` for its memory, or without a process
                in time `busy`.
        """
        try:
            worker = self._free.get(timeout=patience)
        except Empty:
            raise ImageError("busy", "other slow images are being decoded; try later") from None
        try:
            return worker.run(function, args, seconds)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """Ends the processes, without waiting for what they run."""
        for worker in self._all:
            worker.close()


class _Worker:
    """A process that runs one function at a time, and is replaced after it has failed."""

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._process: Any = None
        self._pipe: Any = None
        self._ready = self._closed = False
        self._lock = threading.Lock()  # of starting and closing

    def start(self) -> None:
        with self._lock:
            if self._closed:
                raise ImageError("crashed", "the decoder was stopped")
            self._pipe, theirs = SPAWN.Pipe()
            args = (theirs, self._max_pixels)
            self._process = SPAWN.Process(target=_serve, args=args, daemon=True)
            with _ctrl_c_blocked():
                self._process.start()
            theirs.close()
            self._ready = False

    def run(self, function: Callable[..., R], args: tuple[Any, ...], seconds: float) -> R:
        if not (self._process and self._process.is_alive()):
            self.start()
        try:
            if not self._ready:
                self._receive(START_SECONDS)
                self._ready = True
            self._pipe.send((function, args))
            result, error = self._receive(seconds)
        except BaseException as failure:  # Ctrl-C too: a late result would pass for the next one's
            self._process.kill()
            self._process.join()
            self._pipe.close()
            if isinstance(failure, EOFError | OSError):
                raise ImageError("crashed", "decoding it crashed the decoder") from None
            raise
        if isinstance(error, MemoryError):
            raise ImageError("too_large", "takes too much memory")
        if error:
            raise error
        return result

    def _receive(self, seconds: float) -> Any:
        if not self._pipe.poll(seconds):
            raise ImageError("too_slow", f"took more than {seconds:g} seconds")
        return self._pipe.recv()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()
                self._process.join()


@contextlib.contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Blocks Ctrl-C in this thread: a process started in it inherits that, from its first moment.

    Python itself runs the handler in the main thread. Windows has no such blocks.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which the first process starts, and which ends the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, max_pixels: int) -> None:
    """Runs the functions that come through the pipe, until the parent closes it or ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_process(max_pixels)
    pipe.send(None)  # ready
    with contextlib.suppress(EOFError):
        while True:
            function, args = pipe.recv()
            result, failure = None, None
            try:
                result = function(*args)
            except Exception as error:
                failure = error
            pipe.send((result, failure))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


def _limit_process(max_pixels: int) -> None:
    """Leaves Ctrl-C to the parent, bounds the memory and silences the decoders' C libraries.

    The bound adds to what the process has already: with many processor cores the libraries alone
    reserve gigabytes of address space.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Image.MAX_IMAGE_PIXELS = max_pixels // 2  # Pillow refuses twice as many, also in a frame
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; macOS may refuse
        import resource

        limit = psutil.Process().memory_info().vms + SPARE_BYTES + BYTES_PER_PIXEL * max_pixels
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
