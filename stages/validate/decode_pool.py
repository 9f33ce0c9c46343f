"""Looks at images in processes of their own, which may crash, hang or run out of memory.

A decoder that does so on a hostile file takes down a worker, and the file gets a verdict.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterable
from concurrent.futures import TimeoutError as TooSlowError
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from pebble import ProcessExpired, ProcessPool

from classifier.cache import files as file_index
from classifier.cache.files import DecodeResult, FileIdentity
from classifier.common import parallel
from classifier.dataset.problems import NO_FILE
from classifier.images import decode, perceptual_hash
from classifier.images.limits import Limits

PROBE = 64  # pixels a side: all of a file is read, but JPEGs decode faster when small
CHUNK = 16  # files in a task
BYTES = 24  # of memory a pixel at most: WebP's canvases take 16
SPARE = 1_000_000_000  # bytes of address space besides, for what is no image
SLOWEST = 60.0  # seconds that the start of a worker may take besides

Look = tuple[FileIdentity | None, DecodeResult]


def check_file(path: Path, limits: Limits) -> Look:
    """Returns what a file holds, read and decoded now, and the verdict."""
    try:
        if not path.is_file():  # a broken link, or a pipe that would never end
            return None, DecodeResult(problem="unreadable", detail=NO_FILE)
        if (size := path.stat().st_size) > limits.size:
            detail = f"{size:,} bytes, more than {limits.size:,}"
            return None, DecodeResult(problem="too_large", detail=detail)
        with file_index.open_identified(path) as (file, seen):
            try:
                image = decode.decode_image(file, PROBE, PROBE, limits.pixels)
            except decode.ImageError as error:
                return seen, DecodeResult(problem=error.code, detail=error.detail)
            about = image.width, image.height, image.format
            return seen, DecodeResult(
                *about, perceptual_hash=perceptual_hash.perceptual_hash(image.pixels)
            )
    except OSError as error:
        return None, DecodeResult(problem="unreadable", detail=error.strerror or str(error))


def _start(pixels: int) -> None:
    """Prepares a worker: interrupts are the parent's affair, and its memory is bounded.

    The bound is on what comes on top of what it has: with many processor cores the libraries
    alone set gigabytes of addresses aside. What the decoders' C code says of broken files is not
    shown: the verdict says it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    decode.set_pixel_limit(pixels)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(ImportError):  # Windows
        import resource

        most = psutil.Process().memory_info().vms + SPARE + BYTES * pixels
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS may refuse
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _look(paths: list[Path], limits: Limits, alone: bool) -> list[Look | None]:
    """Returns what `look` does, and nothing for images so large that they must be alone."""
    found: list[Look | None] = []
    for path in paths:
        found.append(None if not alone and decode.is_large(path) else check_file(path, limits))
    return found


class DecodePool:
    """Processes that look at files; started at the first, one for a processor core at most.

    Args:
        limits: what a file may cost.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool: ProcessPool | None = None
        self._count = 0

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the processes, at once if something went wrong."""
        if self._pool:
            end = self._pool.stop if kind else self._pool.close
            end()  # type: ignore[no-untyped-call]
            self._pool.join()

    def check_files(self, paths: Iterable[Path]) -> dict[Path, Look]:
        """Returns what the files hold, and the verdicts.

        Files are looked at some at a time; one that a worker fails on, or that is so large that
        several of its kind would fill the memory, once more by itself.
        """
        chunks = list(parallel.batched(paths, CHUNK))
        if not chunks:
            return {}
        pool = self._started(len(chunks))
        slowest = SLOWEST + self._limits.seconds
        tasks = [
            pool.schedule(_look, args=[chunk, self._limits, False], timeout=slowest)
            for chunk in chunks
        ]
        found: dict[Path, Look] = {}
        for chunk, task in zip(chunks, tasks, strict=True):
            looks: list[Look | None] = [None] * len(chunk)
            with contextlib.suppress(TooSlowError, ProcessExpired, MemoryError):
                looks = task.result()
            for path, one in zip(chunk, looks, strict=True):
                found[path] = one or self._retry_isolated(path)
        return found

    def _retry_isolated(self, path: Path) -> Look:
        seconds = self._limits.seconds
        pool = self._started(1)
        task = pool.schedule(_look, args=[[path], self._limits, True], timeout=seconds)
        try:
            (one,) = task.result()
        except TooSlowError:
            return None, DecodeResult(
                problem="too_slow", detail=f"took more than {seconds:g} seconds"
            )
        except ProcessExpired:
            return None, DecodeResult(problem="crashed", detail="decoding it crashed the decoder")
        except MemoryError:
            return None, DecodeResult(problem="too_large", detail="takes too much memory")
        assert one
        return one

    def _started(self, tasks: int) -> ProcessPool:
        """Returns processes enough for so many tasks."""
        count = min(tasks, os.cpu_count() or 1)
        if self._pool and self._count < count:
            self._pool.close()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None
        if not self._pool:
            self._count = count
            self._pool = ProcessPool(
                max_workers=count,
                initializer=_start,
                initargs=[self._limits.pixels],
                context=multiprocessing.get_context("spawn"),
            )
        return self._pool
