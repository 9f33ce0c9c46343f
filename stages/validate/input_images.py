"""The files of `input/`: their content hashes, and what decoding them gives."""

import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from classifier.cache import fingerprint
from classifier.cache.files import DecodeResult, FileIndex
from classifier.common import parallel
from classifier.common.objects import Version
from classifier.dataset.folders import InputFile
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from stages.validate import checks, file_check
from stages.validate.file_check import ReadFile
from stages.validate.folder_warnings import NON_UTF8_NAME

BATCH = 1024  # files looked up in the index at once
SURROGATE = re.compile("[\ud800-\udfff]")  # how Python reads the bytes of a name that is not UTF-8
NON_UTF8 = DecodeResult(problem="unreadable", detail=NON_UTF8_NAME)
THIS_RUN = secrets.token_hex(8)  # signature of a file elsewhere whose version is not known
NOTHING: Mapping[Path, ReadFile] = MappingProxyType({})


def read_images(
    files: Iterable[InputFile],
    index: FileIndex,
    pool: DecodePool,
    limits: Limits,
    done: Mapping[Path, ReadFile] = NOTHING,
) -> Iterator[tuple[InputFile, str, DecodeResult]]:
    """Yields each file with its content hash, empty if it was not read, and its decode result.

    Only files that have changed since they were added to `index` are read, and only new contents
    are decoded; nothing of those that are `done`.
    """
    for batch in parallel.batched(files, BATCH):
        results = {file.path: done[file.path] for file in batch if file.path in done}
        others = {f.path: f.version for f in readable(batch) if f.path not in results}
        results |= _decode_results(others, index, pool, limits)
        for file in batch:
            yield file, *results.get(file.path, ("", NON_UTF8))


def readable(files: Iterable[InputFile]) -> Iterator[InputFile]:
    """Yields the files whose name DVC and the tables can hold."""
    return (file for file in files if not SURROGATE.search(str(file.path)))


def recipe(limits: Limits) -> str:
    """Returns all that a decode result depends on besides the file."""
    check_versions = ", ".join(f"{check.code} {check.version}" for check in checks.CHECKS)
    decoded = fingerprint.of_decode_result()
    return f"{decoded}, at most {limits.pixels} pixels, checks {check_versions}"


def signature(version: Version) -> str:
    """Returns what stands for the version of a file elsewhere in the index."""
    return version.signature or THIS_RUN


def signatures(files: Mapping[Path, Version | None]) -> dict[Path, str]:
    """Returns the signatures of those files that are elsewhere."""
    return {path: signature(version) for path, version in files.items() if version}


def fits(path: Path, version: Version | None, limits: Limits) -> bool:
    """Tells whether there is a file that is small enough to be read."""
    if version:
        return version.size <= limits.size
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= limits.size


def _decode_results(
    files: Mapping[Path, Version | None], index: FileIndex, pool: DecodePool, limits: Limits
) -> dict[Path, ReadFile]:
    elsewhere = signatures(files)
    readable = (path for path, version in files.items() if fits(path, version, limits))
    hashes = index.hashes(readable, elsewhere)
    known = index.decode_results(recipe(limits), set(hashes.values()))
    results = {path: (sha256, known[sha256]) for path, sha256 in hashes.items() if sha256 in known}
    identities = {}
    unknown = (path for path in files if path not in results)
    versions = {path: version for path, version in files.items() if version}
    checked = file_check.check_files(unknown, pool, limits, versions)
    for path, (identity, result) in checked.items():
        results[path] = (identity.sha256 if identity else "", result)
        if identity:
            kept = elsewhere.get(path, identity.stat_signature)
            identities[path] = replace(identity, stat_signature=kept)
    index.remember(recipe(limits), identities, dict(results[path] for path in identities))
    return results
