"""Errors in the folders of `input/`, one line each, with the remedy."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from classifier.common.errors import count, did_you_mean, first_names
from classifier.dataset import folders
from classifier.dataset.folders import INPUT, LIST
from classifier.dataset.problems import Problem
from stages.validate.statistics import DatasetStatistics

TRAIN, VALIDATION = (f"{INPUT.as_posix()}/{split}" for split in ("train", "validation"))
REMEDY = f"put the images of each class in {TRAIN}/<class>/"
LABEL = "or name them on a page: `python -m classifier label`"


def folder_errors(
    class_names: list[str], unknown: Iterable[str] = (), listed: Collection[Path] = ()
) -> list[str]:
    """Returns errors in the layout of the folders.

    Args:
        class_names: the classes.
        unknown: folders of input/validation that are no class.
        listed: the images in input/labels.csv, which may lie anywhere.
    """
    errors = _misnamed_splits({path.parts[1] for path in listed})
    remedy = f"{REMEDY}, {LABEL}" if (INPUT / folders.UNLABELLED).is_dir() else REMEDY
    if not class_names and not (INPUT / "train").is_dir():
        missing = [] if errors else [f"{TRAIN}: no such folder; {remedy}"]
        return errors + missing
    errors += [
        f"{folder}: only class folders may be in it; got {first_names(names)}: {REMEDY}"
        for folder, split in ((TRAIN, "train"), (VALIDATION, "validation"))
        if (names := _unlisted(split, listed))
    ]
    if len(class_names) < 2:
        number = count(len(class_names), "class folder")
        named = f" ({first_names(class_names)})" if class_names else ""
        errors.append(f"{TRAIN} has {number}{named}; a classifier needs 2 or more: {remedy}")
    errors += [
        f"{TRAIN}: class names must not look identical; got {', '.join(map(ascii, names))}: put "
        "their images into one folder"
        for names in alike(class_names, lambda name: folders.nfc(name).strip())
    ]
    rule = f"must have the name of a class of {TRAIN} ({first_names(class_names)})"
    return errors + [
        f"{VALIDATION}/{name}: {rule}; rename or remove it{did_you_mean(name, class_names)}"
        for name in sorted(filter(None, unknown))
    ]


def _unlisted(split: str, listed: Collection[Path]) -> list[str]:
    names = folders.loose_files(INPUT, split)
    return [name for name in names if INPUT / split / name not in listed]


def _misnamed_splits(listed: Collection[str]) -> list[str]:
    names = [name.rstrip("/") for name in folders.unread_entries(INPUT) if name.endswith("/")]
    present = {path.name for path in INPUT.iterdir()} if INPUT.is_dir() else set()
    return [
        f"{INPUT.as_posix()}/{name}: must be named {', '.join(folders.SPLITS)} or "
        f"{folders.UNLABELLED} to be read; got {name!r}: rename it to {INPUT.as_posix()}/{folder}"
        for name in names
        if name not in listed and (folder := folders.intended(name)) and folder not in present
    ]


def link_errors(links: Iterable[str]) -> list[str]:
    """Returns errors about folders that DVC does not look into."""
    return [
        f"{link}: must not be a link to a folder, because DVC would not see changes in it; move or "
        "copy the folder here, mount it here, or link its files one by one (cp -rs)"
        for link in dict.fromkeys(links)
    ]


def alike(names: list[str], key: Callable[[str], str]) -> list[list[str]]:
    """Returns the groups of two or more names with the same key."""
    groups = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def unscored_folders(class_names: list[str], listed: Collection[Path] = ()) -> list[str]:
    """Returns the folders of input/test that are no class and hold no image of the list."""
    classes = set(map(folders.nfc, class_names))
    with_rows = {path.parts[2] for path in listed if path.is_relative_to(INPUT / "test")}
    names = [n for n in folders.class_folders(INPUT, "test") if n not in with_rows]
    return [name for name in names if folders.nfc(name) not in classes]


def class_errors(statistics: DatasetStatistics, class_names: list[str]) -> list[str]:
    """Returns an error for each class that lacks images to both train and validate."""
    has_folder, errors = set(folders.class_folders(INPUT, "train")), []
    for name in class_names:
        if (got := len(statistics.contents[name])) < 2:
            rule = f"needs 2 or more different usable images; got {got}"
            errors.append(
                f"{TRAIN}/{name}: {rule}: add some, or remove the folder"
                if name in has_folder
                else f"{LIST.as_posix()}, class {name}: {rule}: label more of it"
            )
    if folders.class_folders(INPUT, "validation") and not statistics.counts["validation"]:
        errors.append(
            f"{VALIDATION}: needs a usable image; got 0: add some, or remove the folder to "
            "validate with training images"
        )
    return errors


def fatal_errors(skip: bool, all_problems: list[Problem], class_errors: list[str]) -> list[str]:
    """Returns the errors to stop for: unusable files and classes that are too small.

    If unusable files may be skipped, only those that may explain a class error are errors.
    """
    errors = [
        f"{p.path}: {p.problem} ({p.detail}); remove or replace it"
        for p in all_problems
        if p.action == "skipped"
    ]
    if skip:
        small_classes = tuple(error.split(":")[0] + "/" for error in class_errors)
        errors = [error for error in errors if error.startswith(small_classes)]
    return errors + class_errors
