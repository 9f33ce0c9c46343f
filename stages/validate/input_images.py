"""The files of `input/` in path order, each with its row of images.csv and its problems."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classifier.cache import fingerprint
from classifier.cache.files import DecodeResult, FileIndex
from classifier.common import parallel
from classifier.dataset import folders
from classifier.dataset.folders import InputFile
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem
from classifier.images.limits import Limits
from stages.validate import folder_errors
from stages.validate.checks import registry
from stages.validate.decode_pool import DecodePool

BATCH = 1024  # files looked up in the index at once
NON_UTF8 = DecodeResult(problem="unreadable", detail=folder_errors.NON_UTF8_NAME)


@dataclass(frozen=True)
class InputImage:
    """What is known about a file.

    Attributes:
        row: of images.csv; None for an unusable file.
        perceptual_hash: of the image, 32 bytes.
        problems: why it is unusable, or what is unusual about it.
    """

    row: ImageRow | None = None
    perceptual_hash: bytes = b""
    problems: list[Problem] = field(default_factory=list)


def read_images(
    files: Iterable[InputFile],
    class_names: Iterable[str],
    index: FileIndex,
    pool: DecodePool,
    limits: Limits,
) -> Iterator[InputImage]:
    """Yields what is known about each file, in the order of `files`.

    Args:
        files: below input/.
        class_names: the folders of input/train; images in other folders of input/test have no
            label. Composed and decomposed forms of an accented letter are the same.
        index: of the files and contents that earlier runs have read.
        pool: decodes new contents.
        limits: what a file may cost.
    """
    classes = {folders.nfc(name): name for name in class_names}
    for batch in parallel.batched(files, BATCH):
        paths = [file.path for file in batch if _is_utf8(file.path)]
        results = decode_results(paths, index, pool, limits)
        for file in batch:
            label = classes.get(folders.nfc(file.folder), "")
            yield input_image(file, label, *results.get(file.path, ("", NON_UTF8)))


def decode_results(
    paths: list[Path], index: FileIndex, pool: DecodePool, limits: Limits
) -> dict[Path, tuple[str, DecodeResult]]:
    """Returns content hash and decode result of each file.

    Only files that have changed are read, and only new contents are decoded.
    """
    recipe = (
        f"{fingerprint.of_perceptual_hash()}, at most {limits.pixels} pixels, "
        f"checks {registry.versions()}"
    )
    hashes = index.hashes(path for path in paths if _fits(path, limits))
    known = index.decode_results(recipe, set(hashes.values()))
    checked = pool.check_files(path for path in paths if hashes.get(path) not in known)
    identities = {path: identity for path, (identity, _) in checked.items() if identity}
    index.remember(
        recipe, identities, {one.sha256: checked[path][1] for path, one in identities.items()}
    )
    return {p: (hashes[p], known[hashes[p]]) for p in paths if p not in checked} | {
        path: (identity.sha256 if identity else "", result)
        for path, (identity, result) in checked.items()
    }


def input_image(file: InputFile, label: str, sha256: str, result: DecodeResult) -> InputImage:
    """Returns row and problems of a file."""
    path = file.path.as_posix()
    if result.problem:
        printable = os.fsencode(path).decode("utf-8", "backslashreplace")
        problem = Problem(printable, result.problem, result.detail, "skipped")
        return InputImage(problems=[problem])
    size = (result.width, result.height)
    row = ImageRow(path, file.split, label, sha256, *size, result.format)
    problems = [Problem(path, code, text, "kept") for code, text in result.failed_checks.items()]
    return InputImage(row, result.perceptual_hash, problems)


def _fits(path: Path, limits: Limits) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= limits.size
    except OSError:
        return False


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
