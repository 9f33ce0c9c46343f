"""Read every file of the user's folders once, and say what is wrong before any hard work.

Reads   input/train, input/validation, input/test
Writes  results/images.csv, results/looks.npy, results/problems.csv, results/dataset.json
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from stages import (
    database,
    faults,
    images,
    layout,
    looks,
    manifest,
    mixups,
    outputs,
    params,
    problems,
    progress,
)
from stages.errors import StageError, run, some, warn
from stages.index import Index, Verdict
from stages.layout import Entry
from stages.limits import Costs, Limits
from stages.manifest import Row
from stages.problems import Problem
from stages.tally import ODD, Tally, doubts, odd
from stages.workers import Workers

DATASET = Path("results/dataset.json")
GROUP = 1024  # files whose state is asked for at once
NO_NAME = Verdict(problem="unreadable", detail=faults.ODD_NAME)


@dataclass(frozen=True)
class Params(Costs):
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about files that are no usable pictures


def verdicts(
    paths: list[Path], index: Index, workers: Workers, limits: Limits
) -> dict[Path, tuple[str, Verdict]]:
    """Returns content hash and verdict of each file.

    Only those are read that are not known, and only new contents are decoded.
    """
    recipe = f"{images.recipe()} {looks.recipe()} {limits.pixels}"
    hashes = {p: sha256 for p, sha256 in index.known(paths).items() if _fits(p, limits)}
    hashes |= index.hashes(path for path in paths if path not in hashes and _fits(path, limits))
    judged = index.verdicts(recipe, set(hashes.values()))
    looked = workers.look(path for path in paths if hashes.get(path) not in judged)
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
    entries: Iterable[Entry],
    class_names: Iterable[str],
    judge: Callable[[list[Path]], dict[Path, tuple[str, Verdict]]],
) -> Iterator[tuple[Row, bytes] | Problem]:
    """Yields row and look of every usable picture, or what is wrong with the file, in their order.

    Args:
        entries: the files found below input/.
        class_names: folders of input/train; another folder of input/test is no label. One that
            only another computer's way of writing an accent sets apart is the same.
        judge: returns content hash and verdict of files.
    """
    classes = {layout.composed(name): name for name in class_names}
    for group in progress.groups(entries, GROUP):
        said = judge([entry.path for entry in group if _in_utf8(entry.path)])
        for entry in group:
            label = classes.get(layout.composed(entry.folder), "")
            yield outcome(entry, label, *said.get(entry.path, ("", NO_NAME)))


def outcome(entry: Entry, label: str, sha256: str, verdict: Verdict) -> tuple[Row, bytes] | Problem:
    """Returns row and look, or the problem, that a verdict makes of a file."""
    path = entry.path.as_posix()
    if verdict.problem:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Problem(shown, verdict.problem, verdict.detail, "skipped")
    size = (verdict.width, verdict.height)
    row = Row(path, entry.split, label, sha256, *size, verdict.format)
    return row, bytes.fromhex(verdict.look)


def _in_utf8(path: Path) -> bool:
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


def summary(tally: Tally, found: list[Problem], ignored: int) -> dict[str, int]:
    """Returns the counts of results/dataset.json."""
    codes = Counter(problem.problem for problem in found)
    return {
        "classes": len(tally.per_class),
        **{name: tally.counts[name] for name in (*layout.SPLITS, "test_labelled")},
        "smallest_class": min(tally.per_class.values()),
        "largest_class": max(tally.per_class.values()),
        "skipped": sum(problem.action == "skipped" for problem in found),
        "repeated": sum(codes[code] for code in mixups.CODES),
        **{code: codes[code] for code in ODD},
        "ignored": ignored,
    }


def main(
    root: Path = layout.INPUT,
    images_csv: Path = manifest.PATH,
    looks_npy: Path = looks.PATH,
    problems_csv: Path = problems.PATH,
    dataset: Path = DATASET,
) -> None:
    """Validates the folders below `root`."""
    settings = params.load("validate", Params)
    names = layout.folders(root, "train")
    if wrong := faults.of_folders(root, names):
        raise StageError(*wrong)
    tally, found, ignored = Tally(), list[Problem](), Counter[str]()
    count = sum(1 for _ in layout.find(root, ignored))
    with outputs.whole(images_csv) as part:
        manifest.write(part, usable(root, count, names, tally, found, settings.limits()))
        small = faults.of_classes(tally, root, names)
        if wrong := faults.that_stop(settings.bad_images == "skip", found, small):
            raise StageError(*wrong)
        found += mixups.repeated(tally.repeated(manifest.stream(part)))
    looks.write(looks_npy, tally.looks)
    problems.write(problems_csv, found)
    counts = summary(tally, found, ignored.total())
    outputs.write_json(dataset, counts)
    said = doubts(tally.per_class, (root / "train").as_posix())
    for doubt in said + faults.unreadable_to_dvc(found, root):
        warn(doubt)
    unknown = faults.unknown_folders(counts, root, names)
    print(line(counts, found, unknown, images_csv))


def usable(
    root: Path,
    count: int,
    names: list[str],
    tally: Tally,
    found: list[Problem],
    limits: Limits,
) -> Iterator[Row]:
    """Yields the rows of the usable pictures and puts what is wrong with files into `found`."""
    index = Index(database.folder())
    with progress.bar("validate", count) as bar, Workers(limits) as workers:
        judge = partial(verdicts, index=index, workers=workers, limits=limits)
        for one in outcomes(layout.find(root), names, judge):
            bar.update()
            if isinstance(one, Problem):
                found.append(one)
                continue
            row, look = one
            tally.add(row, look)
            found += odd(row)
            yield row
    index.close()


def line(counts: dict[str, int], found: list[Problem], unknown: list[str], out: Path) -> str:
    """Returns what the stage says when it has done."""
    said = f"validate: {counts['train']} train, {counts['validation']} validation and "
    said += f"{counts['test']} test pictures of {counts['classes']} classes -> {out.as_posix()}"
    if not counts["test"]:
        said += "; no pictures in input/test: the predictions will be empty"
    if unknown:
        said += f"; not scored, as no class is named so: input/test/{some(unknown)}"
    if skipped := [problem for problem in found if problem.action == "skipped"]:
        named = some([f"{problem.path} ({problem.problem})" for problem in skipped])
        said += f"; {len(skipped)} skipped: {named}"
    if repeated := counts["repeated"]:
        said += f"; {repeated} with the same content as another"
    if odd := sum(counts[code] for code in ODD):
        said += f"; {odd} tiny or of extreme shape"
    if found:
        said += f" (see {problems.PATH.as_posix()})"
    return said + (f"; {counts['ignored']} hidden files ignored" if counts["ignored"] else "")


if __name__ == "__main__":
    run(main)
