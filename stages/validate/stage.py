"""Read every file of the user's folders once, and say what is wrong before any hard work.

Reads   input/train, input/validation, input/test
Writes  results/images.csv, results/perceptual_hashes.npy, results/problems.csv,
        results/dataset.json
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from classifier.cache import database, fingerprint
from classifier.cache.files import DecodeResult, FileIndex
from classifier.common import files, parallel, params, progress
from classifier.common.errors import StageError, first_names, warn
from classifier.dataset import duplicates, folders, manifest, problems
from classifier.dataset.folders import InputFile
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem
from classifier.images import perceptual_hash
from classifier.images.limits import LimitParams, Limits
from stages.validate import folder_errors
from stages.validate.decode_pool import DecodePool
from stages.validate.statistics import ODD, DatasetStatistics, class_warnings, size_problems

DATASET = Path("results/dataset.json")
GROUP = 1024  # files whose state is asked for at once
NO_NAME = DecodeResult(problem="unreadable", detail=folder_errors.ODD_NAME)


@dataclass(frozen=True)
class Params(LimitParams):
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about files that are no usable images


def verdicts(
    paths: list[Path], index: FileIndex, workers: DecodePool, limits: Limits
) -> dict[Path, tuple[str, DecodeResult]]:
    """Returns content hash and verdict of each file.

    Only those are read that are not known, and only new contents are decoded.
    """
    recipe = f"{fingerprint.of_perceptual_hash()}, at most {limits.pixels} pixels"
    hashes = {p: sha256 for p, sha256 in index.known(paths).items() if _fits(p, limits)}
    hashes |= index.hashes(path for path in paths if path not in hashes and _fits(path, limits))
    judged = index.decode_results(recipe, set(hashes.values()))
    looked = workers.check_files(path for path in paths if hashes.get(path) not in judged)
    seen = {path: one for path, (one, _) in looked.items() if one}
    index.remember(recipe, seen, {one.sha256: looked[path][1] for path, one in seen.items()})
    fresh = {path: (one.sha256 if one else "", said) for path, (one, said) in looked.items()}
    return fresh | {p: (hashes[p], judged[hashes[p]]) for p in paths if p not in fresh}


def _fits(path: Path, limits: Limits) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= limits.size
    except OSError:
        return False


def outcomes(
    entries: Iterable[InputFile],
    class_names: Iterable[str],
    judge: Callable[[list[Path]], dict[Path, tuple[str, DecodeResult]]],
) -> Iterator[tuple[ImageRow, bytes] | Problem]:
    """Yields row and look of every usable image, or what is wrong with the file, in their order.

    Args:
        entries: the files found below input/.
        class_names: folders of input/train; another folder of input/test is no label. One that
            only another computer's way of writing an accent sets apart is the same.
        judge: returns content hash and verdict of files.
    """
    classes = {folders.nfc(name): name for name in class_names}
    for group in parallel.batched(entries, GROUP):
        said = judge([entry.path for entry in group if _in_utf8(entry.path)])
        for entry in group:
            label = classes.get(folders.nfc(entry.folder), "")
            yield outcome(entry, label, *said.get(entry.path, ("", NO_NAME)))


def outcome(
    entry: InputFile, label: str, sha256: str, verdict: DecodeResult
) -> tuple[ImageRow, bytes] | Problem:
    """Returns row and look, or the problem, that a verdict makes of a file."""
    path = entry.path.as_posix()
    if verdict.problem:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Problem(shown, verdict.problem, verdict.detail, "skipped")
    size = (verdict.width, verdict.height)
    row = ImageRow(path, entry.split, label, sha256, *size, verdict.format)
    return row, verdict.perceptual_hash


def _in_utf8(path: Path) -> bool:
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


def summary(tally: DatasetStatistics, found: list[Problem], ignored: int) -> dict[str, int]:
    """Returns the counts of results/dataset.json."""
    codes = Counter(problem.problem for problem in found)
    return {
        "classes": len(tally.per_class),
        **{name: tally.counts[name] for name in (*folders.SPLITS, "test_labelled")},
        "smallest_class": min(tally.per_class.values()),
        "largest_class": max(tally.per_class.values()),
        "skipped": sum(problem.action == "skipped" for problem in found),
        "repeated": sum(codes[code] for code in duplicates.CODES),
        **{code: codes[code] for code in ODD},
        "ignored": ignored,
    }


def main(
    root: Path = folders.INPUT,
    images_csv: Path = manifest.PATH,
    looks_npy: Path = perceptual_hash.PATH,
    problems_csv: Path = problems.PATH,
    dataset: Path = DATASET,
) -> None:
    """Validates the folders below `root`."""
    settings = params.load("validate", Params)
    names = folders.class_folders(root, "train")
    if wrong := folder_errors.folder_errors(root, names):
        raise StageError(*wrong)
    tally, found, ignored = DatasetStatistics(), list[Problem](), Counter[str]()
    count = sum(1 for _ in folders.find_files(root, ignored))
    with files.atomic_write(images_csv) as part:
        manifest.write(part, usable(root, count, names, tally, found, settings.limits()))
        small = folder_errors.class_errors(tally, root, names)
        if wrong := folder_errors.fatal_errors(settings.bad_images == "skip", found, small):
            raise StageError(*wrong)
        found += duplicates.exact_duplicates(tally.repeated(manifest.iter_rows(part)))
    perceptual_hash.write(looks_npy, tally.looks)
    problems.write(problems_csv, found)
    counts = summary(tally, found, ignored.total())
    files.write_json(dataset, counts)
    said = class_warnings(tally.per_class, (root / "train").as_posix())
    for doubt in said + folder_errors.unreadable_to_dvc(found, root):
        warn(doubt)
    unknown = folder_errors.unknown_folders(counts, root, names)
    print(line(counts, found, unknown, images_csv))


def usable(
    root: Path,
    count: int,
    names: list[str],
    tally: DatasetStatistics,
    found: list[Problem],
    limits: Limits,
) -> Iterator[ImageRow]:
    """Yields the rows of the usable images and puts what is wrong with files into `found`."""
    index = FileIndex(database.cache_folder())
    with progress.bar("validate", count) as bar, DecodePool(limits) as workers:
        judge = partial(verdicts, index=index, workers=workers, limits=limits)
        for one in outcomes(folders.find_files(root), names, judge):
            bar.update()
            if isinstance(one, Problem):
                found.append(one)
                continue
            row, look = one
            tally.add(row, look)
            found += size_problems(row)
            yield row
    index.close()


def line(counts: dict[str, int], found: list[Problem], unknown: list[str], out: Path) -> str:
    """Returns what the stage says when it has done."""
    said = f"validate: {counts['train']} train, {counts['validation']} validation and "
    said += f"{counts['test']} test images of {counts['classes']} classes -> {out.as_posix()}"
    if not counts["test"]:
        said += "; no images in input/test: the predictions will be empty"
    if unknown:
        said += f"; not scored, as no class is named so: input/test/{first_names(unknown)}"
    if skipped := [problem for problem in found if problem.action == "skipped"]:
        named = first_names([f"{problem.path} ({problem.problem})" for problem in skipped])
        said += f"; {len(skipped)} skipped: {named}"
    if repeated := counts["repeated"]:
        said += f"; {repeated} with the same content as another"
    if unusual := sum(counts[code] for code in ODD):
        said += f"; {unusual} tiny or of extreme shape"
    if found:
        said += f" (see {problems.PATH.as_posix()})"
    return said + (f"; {counts['ignored']} hidden files ignored" if counts["ignored"] else "")
