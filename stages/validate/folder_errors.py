"""What is wrong with the folders of images, in lines that say how to mend it."""

from collections import defaultdict
from pathlib import Path

from classifier.common.errors import first_names
from classifier.dataset import folders
from classifier.dataset.problems import NO_FILE, Problem
from stages.validate.statistics import DatasetStatistics

ODD_NAME = "the file's name is not UTF-8; rename it"


def folder_errors(root: Path, class_names: list[str]) -> list[str]:
    """Returns what is wrong with the layout of the folders, a line each; empty if nothing."""
    train = root / "train"
    where = f"put the images of each class in {train.as_posix()}/<class>/"
    if not train.is_dir():
        return [f"{train.as_posix()}: no such folder; {where}"]
    faults = []
    for split in ("train", "validation"):
        if loose := folders.loose_files(root, split):
            place = (root / split).as_posix()
            faults.append(
                f"{place}: only class folders may be in it; got {first_names(loose)}: {where}"
            )
    if len(class_names) < 2:
        got = f"{len(class_names)} class folder{'' if len(class_names) == 1 else 's'}"
        named = f" ({first_names(class_names)})" if class_names else ""
        faults.append(f"{train.as_posix()} has {got}{named}; a classifier needs 2 or more: {where}")
    alike = defaultdict(list)
    for name in class_names:
        alike[folders.nfc(name).strip()].append(name)
    for names in alike.values():
        if len(names) > 1:
            faults.append(
                f"{train.as_posix()}: class names must differ to the eye; got "
                f"{', '.join(map(ascii, names))}: put their images into one folder"
            )
    known = {folders.nfc(name) for name in class_names}
    for name in folders.class_folders(root, "validation"):
        if folders.nfc(name) not in known:
            faults.append(
                f"{(root / 'validation' / name).as_posix()}: must be named like a class of "
                f"{train.as_posix()} ({first_names(class_names)}); rename or remove it"
            )
    return faults


def class_errors(tally: DatasetStatistics, root: Path, class_names: list[str]) -> list[str]:
    """Returns the classes with too few usable images, a line each.

    Two different ones are the least: one to learn from and one to validate with.
    """
    faults = [
        f"{(root / 'train' / name).as_posix()}: needs 2 or more different usable images; "
        f"got {len(tally.contents[name])}: add some, or remove the folder"
        for name in class_names
        if len(tally.contents[name]) < 2
    ]
    if folders.class_folders(root, "validation") and not tally.counts["validation"]:
        faults.append(
            f"{(root / 'validation').as_posix()}: needs a usable image; got 0: "
            "add some, or remove the folder to have training images validate"
        )
    return faults


def fatal_errors(skip: bool, found: list[Problem], small: list[str]) -> list[str]:
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
    return [f"{root.as_posix()}: {told}UTF-8; remove {first_names(names)}"] if names else []


def unknown_folders(counts: dict[str, int], root: Path, class_names: list[str]) -> list[str]:
    """Returns the folders of a labelled test set that are no class, whose images get no score."""
    names, classes = folders.class_folders(root, "test"), set(map(folders.nfc, class_names))
    unknown = [name for name in names if folders.nfc(name) not in classes]
    return unknown if counts["test_labelled"] else []
