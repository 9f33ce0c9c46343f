"""Read every file of the user's folders once, and say what is wrong before any hard work.

Reads   input/train, input/validation, input/test
Writes  results/images.csv, results/problems.csv, results/dataset.json
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages import images, layout, manifest, outputs, params, problems, progress
from stages.errors import StageError, run
from stages.layout import Entry
from stages.manifest import Row
from stages.problems import Problem

DATASET = Path("results/dataset.json")
PROBE = 64  # pixels a side: all of a file is read, but JPEGs decode faster when small
MIX_UPS = ("label_conflict", "in_train_and_validation", "in_train_and_test", "duplicate")


@dataclass(frozen=True)
class Params:
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about files that are no usable pictures


def verdict(entry: Entry, class_names: Iterable[str]) -> Row | Problem:
    """Returns the row of a usable picture, or what is wrong with the file.

    Args:
        entry: a file found below input/.
        class_names: folders of input/train; another folder of input/test is no label.
    """
    path = entry.path.as_posix()
    label = entry.folder if entry.split != "test" or entry.folder in class_names else ""
    try:
        path.encode()
        if not entry.path.is_file():  # a broken link, or a pipe that would never end
            raise images.ImageError("unreadable", "not a file, or a link to nothing")
        data = entry.path.read_bytes()
        picture = images.decode(data, PROBE, PROBE)
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Problem(shown, "unreadable", "the file's name is not UTF-8; rename it", "skipped")
    except OSError as error:
        return Problem(path, "unreadable", error.strerror or str(error), "skipped")
    except images.ImageError as problem:
        return Problem(path, problem.code, problem.detail, "skipped")
    sha256 = hashlib.sha256(data).hexdigest()
    return Row(path, entry.split, label, sha256, picture.width, picture.height, picture.format)


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


def folder_faults(entries: list[Entry], root: Path, class_names: list[str]) -> list[str]:
    """Returns what is wrong with the layout of the folders, a line each; empty if nothing."""
    train = root / "train"
    where = f"put the pictures of each class in {train.as_posix()}/<class>/"
    if not train.is_dir():
        return [f"{train.as_posix()}: no such folder; {where}"]
    faults = []
    for split in ("train", "validation"):
        loose = [e.path.name for e in entries if e.split == split and not e.folder]
        if loose:
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


def class_faults(rows: list[Row], root: Path, class_names: list[str]) -> list[str]:
    """Returns the classes with too few usable pictures, a line each.

    Two different ones are the least: one to learn from and one to validate with.
    """
    contents = defaultdict(set)
    for row in rows:
        if row.split == "train":
            contents[row.label].add(row.sha256)
    faults = [
        f"{(root / 'train' / name).as_posix()}: needs 2 or more different usable pictures; "
        f"got {len(contents[name])}: add some, or remove the folder"
        for name in class_names
        if len(contents[name]) < 2
    ]
    own = layout.folders(root, "validation")
    if own and not any(row.split == "validation" for row in rows):
        faults.append(
            f"{(root / 'validation').as_posix()}: needs a usable picture; got 0: "
            "add some, or remove the folder to have training pictures validate"
        )
    return faults


def summary(rows: list[Row], found: list[Problem]) -> dict[str, int]:
    """Returns the counts of results/dataset.json."""
    per_class: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        if row.split == "train":
            per_class[row.label] += 1
    return {
        "classes": len(per_class),
        **{split: sum(row.split == split for row in rows) for split in layout.SPLITS},
        "test_labelled": sum(row.split == "test" and row.label != "" for row in rows),
        "smallest_class": min(per_class.values()),
        "largest_class": max(per_class.values()),
        "skipped": sum(problem.action == "skipped" for problem in found),
        "repeated": sum(problem.action == "kept" for problem in found),
    }


def unknown_folders(rows: list[Row], root: Path, class_names: list[str]) -> list[str]:
    """Returns the folders of a labelled test set that are no class, whose pictures get no score."""
    folders = layout.folders(root, "test")
    labelled = any(row.split == "test" and row.label for row in rows)
    return [name for name in folders if name not in class_names] if labelled else []


def main(
    root: Path = layout.INPUT,
    images_csv: Path = manifest.PATH,
    problems_csv: Path = problems.PATH,
    dataset: Path = DATASET,
) -> None:
    """Validates the folders below `root`."""
    settings = params.load("validate", Params)
    entries, names = layout.find(root), layout.folders(root, "train")
    if faults := folder_faults(entries, root, names):
        raise StageError(*faults)
    rows: list[Row] = []
    found: list[Problem] = []
    workers = os.cpu_count() or 1
    with progress.bar("validate", len(entries)) as bar:
        for one in progress.ahead(lambda e: verdict(e, names), entries, workers, 4 * workers):
            (rows if isinstance(one, Row) else found).append(one)  # type: ignore[arg-type]
            bar.update()
    bad = [f"{p.path}: {p.problem} ({p.detail}); remove or replace it" for p in found]
    small = class_faults(rows, root, names)
    if settings.bad_images == "skip":  # only those that explain why a folder has too few
        lacking = tuple(fault.split(":")[0] + "/" for fault in small)
        bad = [fault for fault in bad if fault.startswith(lacking)]
    if small or (bad and settings.bad_images == "fail"):
        raise StageError(*bad, *small)
    found += repeated(rows)
    manifest.write(images_csv, rows)
    problems.write(problems_csv, found)
    counts = summary(rows, found)
    outputs.write_json(dataset, counts)
    print(line(counts, found, unknown_folders(rows, root, names), images_csv))


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
