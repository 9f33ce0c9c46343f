"""What decoding each file gives, found out in the worker processes of a decode pool."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from classifier.cache import files as file_index
from classifier.cache.files import DecodeResult, FileIdentity
from classifier.common import objects, parallel
from classifier.common.objects import Version
from classifier.dataset.problems import NO_FILE
from classifier.images import decode
from classifier.images.decode import ImageError
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from classifier.images.perceptual_hash import perceptual_hash
from stages.validate import checks

SIDE = 64  # pixels; the whole file is read, but JPEGs decode faster to a small size
BATCH = 16  # files per task
READERS = 8  # threads of a process, for files elsewhere: it mostly waits for answers
BATCH_SECONDS = 60.0  # that a batch may take, and decode_timeout besides

CHANGED = "changed since the list of images was made; make it again"
NONE: Mapping[Path, Version] = MappingProxyType({})

File = tuple[Path, Version | None]
CheckedFile = tuple[FileIdentity | None, DecodeResult]  # None: not read
ReadFile = tuple[str, DecodeResult]  # SHA-256, in hexadecimal; empty: not read


def check_file(path: Path, limits: Limits, version: Version | None = None) -> CheckedFile:
    """Returns a file's identity and what decoding it gives; a file elsewhere has a `version`."""
    try:
        if not version and not path.is_file():  # a broken symlink, or a named pipe, would block
            return None, DecodeResult(problem="unreadable", detail=NO_FILE)
        if too_large := _too_large(_size(path, version), limits):
            return None, too_large
        with file_index.open_identified(path) as (file, identity):
            if version and not version.matches(objects.version(objects.address_of(path))):
                return None, DecodeResult(problem="unreadable", detail=CHANGED)
            if version and (too_large := _too_large(_length(file), limits)):
                return None, too_large
            try:
                image = decode.decode_image(file, SIDE, SIDE, limits.pixels)
            except ImageError as error:
                return identity, DecodeResult(problem=error.code, detail=error.detail)
            return identity, DecodeResult(
                image.width,
                image.height,
                image.format,
                perceptual_hash=perceptual_hash(image.pixels),
                failed_checks={c.code: text for c in checks.CHECKS if (text := c.find(image))},
                conversion=image.conversion,
                extremes=image.extremes,
                capture=image.capture,
            )
    except OSError as error:
        return None, DecodeResult(problem="unreadable", detail=error.strerror or str(error))


def _size(path: Path, version: Version | None) -> int:
    """Returns the bytes of a file; -1 of one on a server that does not tell."""
    if version and version.size < 0:
        version = objects.version(objects.address_of(path))
    return version.size if version else path.stat().st_size


def _length(file: BinaryIO) -> int:
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    return length


def _too_large(size: int, limits: Limits) -> DecodeResult | None:
    if size <= limits.size:
        return None
    return DecodeResult(problem="too_large", detail=f"{size:,} bytes, more than {limits.size:,}")


def check_files(
    paths: Iterable[Path],
    pool: DecodePool,
    limits: Limits,
    versions: Mapping[Path, Version] = NONE,
) -> dict[Path, CheckedFile]:
    """Returns each file's identity and what decoding it gives; `versions` are of files elsewhere.

    A batch that a worker fails on is repeated file by file, and so are images so large that
    several of them at once would fill the memory.
    """
    batches = list(parallel.batched(((path, versions.get(path)) for path in paths), BATCH))
    check = partial(_check_batch, pool=pool, limits=limits)
    checked = parallel.prefetch_map(check, batches, pool.workers, 2 * pool.workers)
    return {
        path: result or _check_alone(path, version, pool, limits)
        for batch, results in zip(batches, checked, strict=True)
        for (path, version), result in zip(batch, results, strict=True)
    }


def _check_batch(files: list[File], pool: DecodePool, limits: Limits) -> list[CheckedFile | None]:
    """Returns the result of each file, and None for those that must be decoded alone."""
    try:
        seconds = BATCH_SECONDS + limits.decode_timeout
        return pool.call(_check_small, files, limits, seconds=seconds)
    except ImageError:
        return [None] * len(files)


def _check_small(files: list[File], limits: Limits) -> list[CheckedFile | None]:
    def check(file: File) -> CheckedFile | None:
        path, version = file
        return None if not version and decode.is_large(path) else check_file(path, limits, version)

    elsewhere = any(version for _, version in files)
    return list(
        parallel.prefetch_map(check, files, READERS, BATCH) if elsewhere else map(check, files)
    )


def _check_alone(
    path: Path, version: Version | None, pool: DecodePool, limits: Limits
) -> CheckedFile:
    try:
        return pool.call(check_file, path, limits, version, seconds=limits.decode_timeout)
    except ImageError as error:
        return None, DecodeResult(problem=error.code, detail=error.detail)
