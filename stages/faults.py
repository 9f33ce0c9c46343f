"""What is wrong with the folders of pictures, in lines that say how to mend it."""

from collections import defaultdict
from pathlib import Path

from stages import layout
from stages.errors import some
from stages.problems import NO_FILE, Problem
from stages.tally import Tally

ODD_NAME = "the file's name is not UTF-8; rename it"


def of_folders(root: Path, class_names: list[str]) -> list[str]:
    """Returns what is wrong with the layout of the folders, a line each; empty if nothing."""
    train = root / "train"
    where = f"put the pictures of each class in {train.as_posix()}/<class>/"
    if not train.is_dir():
        return [f"{train.as_posix()}: no such folder; {where}"]
    faults = []
    for split in ("train", "validation"):
        if loose := layout.loose(root, split):
            place = (root / split).as_posix()
            faults.append(f"{place}: only class folders may be in it; got {some(loose)}: {where}")
    if len(class_names) < 2:
        got = f"{len(class_names)} class folder{'' if len(class_names) == 1 else 's'}"
        named = f" ({some(class_names)})" if class_names else ""
        faults.append(f"{train.as_posix()} has {got}{named}; a classifier needs 2 or more: {where}")
    alike = defaultdict(list)
    for name in class_names:
        alike[layout.composed(name).strip()].append(name)
    for names in alike.values():
        if len(names) > 1:
            faults.append(
                f"{train.as_posix()}: class names must differ to the eye; got "
                f"{', '.join(map(ascii, names))}: put their pictures into one folder"
            )
    known = {layout.composed(name) for name in class_names}
    for name in layout.folders(root, "validation"):
        if layout.composed(name) not in known:
            faults.append(
                f"{(root / 'validation' / name).as_posix()}: must be named like a class of "
                f"{train.as_posix()} ({some(class_names)}); rename or remove it"
            )
    return faults


def of_classes(tally: Tally, root: Path, class_names: list[str]) -> list[str]:
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


def that_stop(skip: bool, found: list[Problem], small: list[str]) -> list[str]:
    """Returns the faults for which to stop: classes too small, and unusable files.

    Where these are to be skipped, only those are named that explain a class too small.
    """
    bad = [
        f"{p.path}: {p.problem} ({p.detail}); remove or replace it"
        for p in found
        if p.action == "skipped"
    ]
    if skip:
        lacking = tuple(fault.split(":")[0] + "/" for fault in small)
        bad = [fault for fault in bad if fault.startswith(lacking)]
    return [*bad, *small]


def unreadable_to_dvc(found: list[Problem], root: Path) -> list[str]:
    """Returns what to say of files for which `dvc repro` hangs or fails before any stage runs."""
    reasons = (ODD_NAME, NO_FILE)
    names = [problem.path for problem in found if problem.detail in reasons]
    told = "DVC cannot read a folder with pipes, sockets, links to nothing or names that are not "
    return [f"{root.as_posix()}: {told}UTF-8; remove {some(names)}"] if names else []


def unknown_folders(counts: dict[str, int], root: Path, class_names: list[str]) -> list[str]:
    """Returns the folders of a labelled test set that are no class, whose pictures get no score."""
    folders, classes = layout.folders(root, "test"), set(map(layout.composed, class_names))
    unknown = [name for name in folders if layout.composed(name) not in classes]
    return unknown if counts["test_labelled"] else []
