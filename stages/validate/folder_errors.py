"""Errors in the folders of `input/`, one line each, with the remedy."""

from collections import defaultdict
from pathlib import Path

from classifier.common.errors import count, first_names
from classifier.dataset import folders
from classifier.dataset.problems import NO_FILE, Problem
from stages.validate.statistics import DatasetStatistics

NON_UTF8_NAME = "the file's name is not UTF-8; rename it"


def folder_errors(root: Path, class_names: list[str]) -> list[str]:
    """Returns errors in the layout of the folders below `root`."""
    train = (root / "train").as_posix()
    remedy = f"put the images of each class in {train}/<class>/"
    if not (root / "train").is_dir():
        return [f"{train}: no such folder; {remedy}"]
    errors = []
    for split in ("train", "validation"):
        if names := folders.loose_files(root, split):
            rule = "only class folders may be in it"
            errors.append(
                f"{(root / split).as_posix()}: {rule}; got {first_names(names)}: {remedy}"
            )
    if len(class_names) < 2:
        number = count(len(class_names), "class folder")
        listed = f" ({first_names(class_names)})" if class_names else ""
        errors.append(f"{train} has {number}{listed}; a classifier needs 2 or more: {remedy}")
    return errors + _lookalike_errors(train, class_names) + _unknown_class_errors(root, class_names)


def _lookalike_errors(train: str, class_names: list[str]) -> list[str]:
    by_look = defaultdict(list)
    for name in class_names:
        by_look[folders.nfc(name).strip()].append(ascii(name))
    return [
        f"{train}: class names must not look identical; got {', '.join(names)}: put their images "
        "into one folder"
        for names in by_look.values()
        if len(names) > 1
    ]


def _unknown_class_errors(root: Path, class_names: list[str]) -> list[str]:
    classes = set(map(folders.nfc, class_names))
    return [
        f"{(root / 'validation' / name).as_posix()}: must have the name of a class of "
        f"{(root / 'train').as_posix()} ({first_names(class_names)}); rename or remove it"
        for name in folders.class_folders(root, "validation")
        if folders.nfc(name) not in classes
    ]


def class_errors(statistics: DatasetStatistics, root: Path, class_names: list[str]) -> list[str]:
    """Returns an error for each class with fewer than two different images: train and validate."""
    errors = [
        f"{(root / 'train' / name).as_posix()}: needs 2 or more different usable images; "
        f"got {len(statistics.contents[name])}: add some, or remove the folder"
        for name in class_names
        if len(statistics.contents[name]) < 2
    ]
    if folders.class_folders(root, "validation") and not statistics.counts["validation"]:
        errors.append(
            f"{(root / 'validation').as_posix()}: needs a usable image; got 0: "
            "add some, or remove the folder to validate with training images"
        )
    return errors


def fatal_errors(skip: bool, all_problems: list[Problem], class_errors: list[str]) -> list[str]:
    """Returns the errors to stop for: unusable files and classes that are too small.

    Args:
        skip: whether unusable files are allowed, except those that may explain a class error.
        all_problems: of all files.
        class_errors: as `class_errors` returns them.
    """
    errors = [
        f"{p.path}: {p.problem} ({p.detail}); remove or replace it"
        for p in all_problems
        if p.action == "skipped"
    ]
    if skip:
        small_classes = tuple(error.split(":")[0] + "/" for error in class_errors)
        errors = [error for error in errors if error.startswith(small_classes)]
    return [*errors, *class_errors]


def dvc_warnings(all_problems: list[Problem], root: Path) -> list[str]:
    """Returns a warning if `dvc repro` would hang or fail on some files before any stage runs."""
    names = [p.path for p in all_problems if p.detail in (NON_UTF8_NAME, NO_FILE)]
    rule = "DVC cannot read named pipes, sockets, broken symlinks or names that are not UTF-8"
    return [f"{root.as_posix()}: {rule}; remove {first_names(names)}"] if names else []


def unscored_folders(root: Path, class_names: list[str]) -> list[str]:
    """Returns the folders of input/test that are no classes, whose images get no score."""
    classes = set(map(folders.nfc, class_names))
    return [n for n in folders.class_folders(root, "test") if folders.nfc(n) not in classes]
