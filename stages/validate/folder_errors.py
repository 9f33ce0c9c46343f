"""Errors and warnings about the folders of `input/`, one line each, with the remedy."""

from collections import Counter, defaultdict
from collections.abc import Callable

from classifier.common.errors import count, first_names
from classifier.dataset import folders
from classifier.dataset.folders import INPUT
from classifier.dataset.problems import NO_FILE, Problem
from stages.validate.statistics import DatasetStatistics

TRAIN, VALIDATION = (f"{INPUT.as_posix()}/{split}" for split in ("train", "validation"))
REMEDY = f"put the images of each class in {TRAIN}/<class>/"
NON_UTF8_NAME = "the file's name is not UTF-8; rename it"
FEW_IMAGES = 10  # of a class; with fewer, one or two validate
UNEVEN = 10  # ratio of the largest class to the smallest


def folder_errors(class_names: list[str]) -> list[str]:
    """Returns errors in the layout of the folders."""
    if not (INPUT / "train").is_dir():
        return [f"{TRAIN}: no such folder; {REMEDY}"]
    errors = [
        f"{folder}: only class folders may be in it; got {first_names(names)}: {REMEDY}"
        for folder, split in ((TRAIN, "train"), (VALIDATION, "validation"))
        if (names := folders.loose_files(INPUT, split))
    ]
    if len(class_names) < 2:
        number = count(len(class_names), "class folder")
        listed = f" ({first_names(class_names)})" if class_names else ""
        errors.append(f"{TRAIN} has {number}{listed}; a classifier needs 2 or more: {REMEDY}")
    errors += [
        f"{TRAIN}: class names must not look identical; got {', '.join(map(ascii, names))}: put "
        "their images into one folder"
        for names in _alike(class_names, lambda name: folders.nfc(name).strip())
    ]
    rule = f"must have the name of a class of {TRAIN} ({first_names(class_names)})"
    unknown = folders_without_class("validation", class_names)
    return errors + [f"{VALIDATION}/{name}: {rule}; rename or remove it" for name in unknown]


def _alike(names: list[str], key: Callable[[str], str]) -> list[list[str]]:
    groups = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def folders_without_class(split: str, class_names: list[str]) -> list[str]:
    """Returns the folders of a split that have the name of no class."""
    classes = set(map(folders.nfc, class_names))
    return [n for n in folders.class_folders(INPUT, split) if folders.nfc(n) not in classes]


def class_errors(statistics: DatasetStatistics, class_names: list[str]) -> list[str]:
    """Returns an error for each class that lacks images to both train and validate."""
    errors = [
        f"{TRAIN}/{name}: needs 2 or more different usable images; "
        f"got {len(statistics.contents[name])}: add some, or remove the folder"
        for name in class_names
        if len(statistics.contents[name]) < 2
    ]
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


def dataset_warnings(per_class: Counter[str], all_problems: list[Problem]) -> list[str]:
    """Returns warnings about class names, few or uneven training images, and unreadable files."""
    warnings = [
        f"{TRAIN}: {', '.join(names)} differ only in case: one class?"
        for names in _alike(sorted(per_class), str.casefold)
    ]
    if few := [f"{name} ({n})" for name, n in sorted(per_class.items()) if n < FEW_IMAGES]:
        warnings.append(
            f"{TRAIN}: fewer than {FEW_IMAGES} images of {first_names(few)}; metrics will be "
            "unreliable: add images if you can"
        )
    (most, largest), *_, (least, smallest) = per_class.most_common()
    if largest >= UNEVEN * smallest:
        warnings.append(
            f"{TRAIN}: {count(largest, 'image')} of {most}, {smallest:,} of {least}; rare classes "
            "are seldom predicted: add images, or try train.class_weight: balanced"
        )
    if names := [p.path for p in all_problems if p.detail in (NON_UTF8_NAME, NO_FILE)]:
        rule = "DVC cannot read named pipes, sockets, broken symlinks or names that are not UTF-8"
        warnings.append(f"{INPUT.as_posix()}: {rule}; remove {first_names(names)}")
    return warnings
