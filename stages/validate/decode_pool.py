"""Decodes images in worker processes, which may crash, hang or run out of memory.

If a decoder does so on a hostile file, the worker is replaced and the file gets a problem.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterable
from concurrent.futures import TimeoutError as TooSlowError
from pathlib import Path

import psutil
from pebble import ProcessExpired, ProcessPool
from PIL import Image

from classifier.cache import files as file_index
from classifier.cache.files import DecodeResult, FileIdentity
from classifier.common import cores, parallel
from classifier.dataset.problems import NO_FILE
from classifier.images import decode
from classifier.images.limits import Limits
from classifier.images.perceptual_hash import perceptual_hash
from stages.validate import checks

SIDE = 64  # pixels; the whole file is read, but JPEGs decode faster to a small size
BATCH = 16  # files per task
BYTES_PER_PIXEL = 24  # of memory, at most: WebP needs 16
SPARE_BYTES = 1_000_000_000  # of address space for all else
START_SECONDS = 60.0  # that a worker may take to start

CheckedFile = tuple[FileIdentity | None, DecodeResult]  # None: not read


def check_file(path: Path, limits: Limits) -> CheckedFile:
    """Returns a file's identity and what decoding it gives."""
    try:
        if not path.is_file():  # a broken symlink, or a named pipe, which would block
            return None, DecodeResult(problem="unreadable", detail=NO_FILE)
        if (size := path.stat().st_size) > limits.size:
            detail = f"{size:,} bytes, more than {limits.size:,}"
            return None, DecodeResult(problem="too_large", detail=detail)
        with file_index.open_identified(path) as (file, identity):
            try:
                image = decode.decode_image(file, SIDE, SIDE, limits.pixels)
            except decode.ImageError as error:
                return identity, DecodeResult(problem=error.code, detail=error.detail)
            return identity, DecodeResult(
                image.width,
                image.height,
                image.format,
                perceptual_hash=perceptual_hash(image.pixels),
                failed_checks={c.code: text for c in checks.CHECKS if (text := c.find(image))},
            )
    except OSError as error:
        return None, DecodeResult(problem="unreadable", detail=error.strerror or str(error))


def _check_batch(paths: list[Path], limits: Limits) -> list[CheckedFile | None]:
    """Returns the result of each file, and None for images that must be decoded alone."""
    return [None if decode.is_large(path) else check_file(path, limits) for path in paths]


def _initialize_worker(pixels: int) -> None:
    """Leaves Ctrl-C to the parent, bounds the memory and silences the decoders' C libraries.

    The bound adds to what the process has already: with many processor cores the libraries alone
    reserve gigabytes of address space.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Image.MAX_IMAGE_PIXELS = pixels // 2  # Pillow refuses twice as many, also in a frame
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; macOS may refuse
        import resource

        limit = psutil.Process().memory_info().vms + SPARE_BYTES + BYTES_PER_PIXEL * pixels
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


class DecodePool:
    """Worker processes, started when first needed, one per processor core at most."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool: ProcessPool | None = None
        self._workers = 0

    def check_files(self, paths: Iterable[Path]) -> dict[Path, CheckedFile]:
        """Returns each file's identity and what decoding it gives.

        A batch that a worker fails on is repeated file by file, and so are images so large that
        several of them at once would fill the memory.
        """
        batches = list(parallel.batched(paths, BATCH))
        timeout = START_SECONDS + self._limits.decode_timeout
        tasks = [
            self._start_workers(len(batches)).schedule(
                _check_batch, args=[batch, self._limits], timeout=timeout
            )
            for batch in batches
        ]
        results: dict[Path, CheckedFile] = {}
        for batch, task in zip(batches, tasks, strict=True):
            checked: list[CheckedFile | None] = [None] * len(batch)
            with contextlib.suppress(TooSlowError, ProcessExpired, MemoryError):
                checked = task.result()
            for path, result in zip(batch, checked, strict=True):
                results[path] = result or self._check_alone(path)
        return results

    def _check_alone(self, path: Path) -> CheckedFile:
        seconds = self._limits.decode_timeout
        pool = self._start_workers(1)
        task = pool.schedule(check_file, args=[path, self._limits], timeout=seconds)
        try:
            return task.result()
        except TooSlowError:
            problem, detail = "too_slow", f"took more than {seconds:g} seconds"
        except ProcessExpired:
            problem, detail = "crashed", "decoding it crashed the decoder"
        except MemoryError:
            problem, detail = "too_large", "takes too much memory"
        return None, DecodeResult(problem=problem, detail=detail)

    def _start_workers(self, tasks: int) -> ProcessPool:
        """Returns a pool with a worker per task, as far as there are processor cores."""
        workers = min(tasks, cores.count())
        if not self._pool or self._workers < workers:
            self.close()
            self._workers = workers
            self._pool = ProcessPool(
                max_workers=workers,
                initializer=_initialize_worker,
                initargs=[self._limits.pixels],
                context=multiprocessing.get_context("spawn"),
            )
        return self._pool

    def close(self) -> None:
        """Ends the processes, without waiting for their tasks."""
        if self._pool:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
