"""The files of `input/`: their content hashes, and what decoding them gives."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from classifier.cache import fingerprint
from classifier.cache.files import DecodeResult, FileIndex
from classifier.common import parallel
from classifier.common.objects import Version
from classifier.dataset.folders import InputFile
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from stages.validate import checks, file_check
from stages.validate.folder_warnings import NON_UTF8_NAME

BATCH = 1024  # files looked up in the index at once
SURROGATE = re.compile("[\ud800-\udfff]")  # how Python reads the bytes of a name that is not UTF-8
NON_UTF8 = DecodeResult(problem="unreadable", detail=NON_UTF8_NAME)


def read_images(
    files: Iterable[InputFile], index: FileIndex, pool: DecodePool, limits: Limits
) -> Iterator[tuple[InputFile, str, DecodeResult]]:
    """Yields each file with its content hash, empty if it was not read, and its decode result.

    Only files that have changed since they were added to `index` are read, and only new contents
    are decoded.
    """
    for batch in parallel.batched(files, BATCH):
        paths = [file.path for file in batch if not SURROGATE.search(str(file.path))]
        versions = {file.path: file.version for file in batch if file.version}
        results = _decode_results(paths, versions, index, pool, limits)
        for file in batch:
            yield file, *results.get(file.path, ("", NON_UTF8))


def _decode_results(
    paths: list[Path],
    versions: Mapping[Path, Version],
    index: FileIndex,
    pool: DecodePool,
    limits: Limits,
) -> dict[Path, tuple[str, DecodeResult]]:
    check_versions = ", ".join(f"{check.code} {check.version}" for check in checks.CHECKS)
    decoded = fingerprint.of_decode_result()
    recipe = f"{decoded}, at most {limits.pixels} pixels, checks {check_versions}"
    elsewhere = {path: version.signature for path, version in versions.items()}
    local = (path for path in paths if path in elsewhere or _fits(path, limits))
    hashes = index.hashes(local, elsewhere)
    known = index.decode_results(recipe, set(hashes.values()))
    results = {path: (sha256, known[sha256]) for path, sha256 in hashes.items() if sha256 in known}
    identities = {}
    unknown = (path for path in paths if path not in results)
    checked = file_check.check_files(unknown, pool, limits, versions)
    for path, (identity, result) in checked.items():
        results[path] = (identity.sha256 if identity else "", result)
        if identity:
            signature = elsewhere.get(path, identity.stat_signature)
            identities[path] = replace(identity, stat_signature=signature)
    index.remember(recipe, identities, dict(results[path] for path in identities))
    return results


def _fits(path: Path, limits: Limits) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= limits.size
    except OSError:
        return False
