"""Read every file of the user's folders once, and say what is wrong before any hard work.

Reads   input/train, input/validation, input/test
Writes  results/images.csv, results/problems.csv, results/dataset.json
"""

import os
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from stages import database, images, layout, manifest, outputs, params, problems, progress
from stages.errors import StageError, run
from stages.index import Index, Verdict
from stages.layout import Entry
from stages.manifest import Row
from stages.problems import Problem
from stages.workers import Limits, Workers

DATASET = Path("results/dataset.json")
GROUP = 1024  # files whose state is asked for at once
ODD_NAME = Verdict(problem="unreadable", detail="the file's name is not UTF-8; rename it")
MIX_UPS = ("label_conflict", "in_train_and_validation", "in_train_and_test", "duplicate")


@dataclass(frozen=True)
class Params:
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about files that are no usable pictures
    max_megapixels: float  # of a picture
    max_megabytes: float  # of a file
    max_seconds: float  # to decode one

    def __post_init__(self) -> None:
        for name in ("max_megapixels", "max_megabytes", "max_seconds"):
            value = getattr(self, name)
            params.require(value > 0, f"validate.{name}", "more than 0", value)

    def limits(self) -> Limits:
        """Returns what a file may cost."""
        pixels, size = round(1e6 * self.max_megapixels), round(1e6 * self.max_megabytes)
        return Limits(pixels, size, self.max_seconds)


def verdicts(
    paths: list[Path], index: Index, workers: Workers, limits: Limits
) -> dict[Path, tuple[str, Verdict]]:
    """Returns content hash and verdict of each file.

    Only those are read that are not known, and only new contents are decoded.
    """
    recipe = f"{images.recipe()} {limits.pixels}"
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
) -> Iterator[Row | Problem]:
    """Yields the row of every usable picture, or what is wrong with the file, in their order.

    Args:
        entries: the files found below input/.
        class_names: folders of input/train; another folder of input/test is no label.
        judge: returns content hash and verdict of files.
    """
    classes = frozenset(class_names)
    for group in progress.groups(entries, GROUP):
        said = judge([entry.path for entry in group if _in_utf8(entry.path)])
        for entry in group:
            label = entry.folder if entry.split != "test" or entry.folder in classes else ""
            yield outcome(entry, label, *said.get(entry.path, ("", ODD_NAME)))


def outcome(entry: Entry, label: str, sha256: str, verdict: Verdict) -> Row | Problem:
    """Returns the row or the problem that a verdict makes of a file."""
    path = entry.path.as_posix()
    if verdict.problem:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Problem(shown, verdict.problem, verdict.detail, "skipped")
    size = (verdict.width, verdict.height)
    return Row(path, entry.split, label, sha256, *size, verdict.format)


def _in_utf8(path: Path) -> bool:
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


@dataclass
class Tally:
    """What is counted while the rows pass by, in memory that does not grow with their number.

    Attributes:
        counts: pictures by split, and `test_labelled`.
        per_class: training pictures by class.
        contents: up to two different hashes by class: two are enough.
        starts: the first 8 bytes of every hash, in which equal ones are looked for.
    """

    counts: Counter[str] = field(default_factory=Counter)
    per_class: Counter[str] = field(default_factory=Counter)
    contents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    starts: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, row: Row) -> None:
        """Counts a row."""
        self.counts[row.split] += 1
        self.counts["test_labelled"] += row.split == "test" and row.label != ""
        self.starts.append(_start(row))
        if row.split == "train":
            self.per_class[row.label] += 1
            if len(self.contents[row.label]) < 2:
                self.contents[row.label].add(row.sha256)

    def repeated(self, rows: Iterable[Row]) -> list[Row]:
        """Returns those of the rows, passing by again, that may have the content of another."""
        starts, counts = np.unique(np.array(self.starts, np.uint64), return_counts=True)
        several = set(starts[counts > 1].tolist())
        return [row for row in rows if _start(row) in several] if several else []


def _start(row: Row) -> int:
    return int(row.sha256[:16], 16)


def repeated(rows: Iterable[Row]) -> list[Problem]:
    """Returns what is amiss with files of the same bytes; all are kept.

    A row in two classes of input/train is a `label_conflict`, one also in another split a leak
    (`in_train_and_test`, `in_train_and_validation`), the second of a class a `duplicate`. Only
    the gravest is reported of a file.
    """
    rows = sorted(rows, key=lambda row: row.path)
    first: defaultdict[str, dict[tuple[str, str], Row]] = defaultdict(dict)
    for row in rows:
        first[row.sha256].setdefault((row.split, row.label), row)
    return [
        Problem(row.path, code, f"same content as {other.path}", "kept")
        for row in rows
        for code, other in _mix_up(row, first[row.sha256].values())
    ]


def _mix_up(row: Row, others: Iterable[Row]) -> list[tuple[str, Row]]:
    """Returns the gravest mix-up of a row with one of the same content, if any."""
    found: dict[str, Row] = {}
    for other in others:
        splits = {row.split, other.split}
        if row.label and other.label and row.label != other.label:
            found.setdefault("label_conflict", other)
        elif splits > {"train"}:
            found.setdefault(f"in_train_and_{max(splits - {'train'})}", other)
        elif len(splits) == 1 and other.path < row.path:
            found.setdefault("duplicate", other)
    return [(code, found[code]) for code in MIX_UPS if code in found][:1]


def folder_faults(root: Path, class_names: list[str]) -> list[str]:
    """Returns what is wrong with the layout of the folders, a line each; empty if nothing."""
    train = root / "train"
    where = f"put the pictures of each class in {train.as_posix()}/<class>/"
    if not train.is_dir():
        return [f"{train.as_posix()}: no such folder; {where}"]
    faults = []
    for split in ("train", "validation"):
        if loose := layout.loose(root, split):
            place = (root / split).as_posix()
            faults.append(f"{place}: only class folders may be in it; got {_some(loose)}: {where}")
    if len(class_names) < 2:
        got = f"{len(class_names)} class folder{'' if len(class_names) == 1 else 's'}"
        named = f" ({_some(class_names)})" if class_names else ""
        faults.append(f"{train.as_posix()} has {got}{named}; a classifier needs 2 or more: {where}")
    for name in layout.folders(root, "validation"):
        if name not in class_names:
            faults.append(
                f"{(root / 'validation' / name).as_posix()}: must be named like a class of "
                f"{train.as_posix()} ({_some(class_names)}); rename or remove it"
            )
    return faults


def class_faults(tally: Tally, root: Path, class_names: list[str]) -> list[str]:
    """Returns the classes with too few usable pictures, a line each.

    Two different ones are the least: one to learn from and one to validate with.
    """
    faults = [
        f"{(root / 'train' / name).as_posix()}: needs 2 or more different usable pictures; "
        f"got {len(tally.contents[name])}: add some, or remove the folder"
        for name in class_names
        if len(tally.contents[name]) < 2
    ]
    if layout.folders(root, "validation") and not tally.counts["validation"]:
        faults.append(
            f"{(root / 'validation').as_posix()}: needs a usable picture; got 0: "
            "add some, or remove the folder to have training pictures validate"
        )
    return faults


def summary(tally: Tally, found: list[Problem]) -> dict[str, int]:
    """Returns the counts of results/dataset.json."""
    return {
        "classes": len(tally.per_class),
        **{name: tally.counts[name] for name in (*layout.SPLITS, "test_labelled")},
        "smallest_class": min(tally.per_class.values()),
        "largest_class": max(tally.per_class.values()),
        "skipped": sum(problem.action == "skipped" for problem in found),
        "repeated": sum(problem.action == "kept" for problem in found),
    }


def main(
    root: Path = layout.INPUT,
    images_csv: Path = manifest.PATH,
    problems_csv: Path = problems.PATH,
    dataset: Path = DATASET,
) -> None:
    """Validates the folders below `root`."""
    settings = params.load("validate", Params)
    names = layout.folders(root, "train")
    if faults := folder_faults(root, names):
        raise StageError(*faults)
    tally = Tally()
    found: list[Problem] = []
    with outputs.whole(images_csv) as part:
        manifest.write(part, usable(root, names, tally, found, settings.limits()))
        if faults := content_faults(settings, found, class_faults(tally, root, names)):
            raise StageError(*faults)
        found += repeated(tally.repeated(manifest.stream(part)))
    problems.write(problems_csv, found)
    counts = summary(tally, found)
    outputs.write_json(dataset, counts)
    print(line(counts, found, unknown_folders(counts, root, names), images_csv))


def usable(
    root: Path, names: list[str], tally: Tally, found: list[Problem], limits: Limits
) -> Iterator[Row]:
    """Yields the rows of the usable pictures and puts the problems of the others into `found`."""
    index = Index(database.folder())
    count = sum(1 for _ in layout.find(root))
    with progress.bar("validate", count) as bar, Workers(limits) as workers:
        judge = partial(verdicts, index=index, workers=workers, limits=limits)
        for one in outcomes(layout.find(root), names, judge):
            bar.update()
            if isinstance(one, Problem):
                found.append(one)
            else:
                tally.add(one)
                yield one
    index.close()


def content_faults(settings: Params, found: list[Problem], small: list[str]) -> list[str]:
    """Returns the faults for which to stop: classes too small, and unusable files.

    Where these are to be skipped, only those are named that explain a class too small.
    """
    bad = [f"{p.path}: {p.problem} ({p.detail}); remove or replace it" for p in found]
    if settings.bad_images == "skip":
        lacking = tuple(fault.split(":")[0] + "/" for fault in small)
        bad = [fault for fault in bad if fault.startswith(lacking)]
    return [*bad, *small]


def unknown_folders(counts: dict[str, int], root: Path, class_names: list[str]) -> list[str]:
    """Returns the folders of a labelled test set that are no class, whose pictures get no score."""
    folders = layout.folders(root, "test")
    return [name for name in folders if name not in class_names] if counts["test_labelled"] else []


def line(counts: dict[str, int], found: list[Problem], unknown: list[str], out: Path) -> str:
    """Returns what the stage says when it has done."""
    said = f"validate: {counts['train']} train, {counts['validation']} validation and "
    said += f"{counts['test']} test pictures of {counts['classes']} classes -> {out.as_posix()}"
    if not counts["test"]:
        said += "; no pictures in input/test: the predictions will be empty"
    if unknown:
        said += f"; not scored, as no class is named so: input/test/{_some(unknown)}"
    if skipped := [problem for problem in found if problem.action == "skipped"]:
        named = _some([f"{problem.path} ({problem.problem})" for problem in skipped])
        said += f"; {len(skipped)} skipped: {named}"
    if kept := len(found) - len(skipped):
        said += f"; {kept} with the same content as another"
    return said + (f" (see {problems.PATH.as_posix()})" if found else "")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


if __name__ == "__main__":
    run(main)
