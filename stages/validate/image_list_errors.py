"""Errors in a list of images elsewhere, one line each."""

from collections.abc import Iterable, Mapping, Sequence, Set

from classifier.common.errors import count, did_you_mean, first_names
from classifier.dataset import folders
from classifier.dataset.problems import Problem
from stages.validate.folder_errors import alike
from stages.validate.statistics import DatasetStatistics

SHOWN = 10  # images


def label_errors(place: str, class_names: list[str], unknown: Iterable[str]) -> list[str]:
    """Returns errors in the labels.

    Args:
        place: name of the list.
        class_names: labels of the training images.
        unknown: labels of validation images that no training image has.
    """
    errors = []
    if len(class_names) < 2:
        got = first_names(class_names) if class_names else "none"
        errors.append(f"{place}: training images must be of 2 or more classes; got {got}")
    errors += [
        f"{place}: labels must not look identical; got {', '.join(map(ascii, names))}: use one"
        for names in alike(class_names, lambda name: folders.nfc(name).strip())
    ]
    rule = "the label of a validation image must be that of a training image"
    return errors + [
        f"{place}: {rule}; got {name!r}{did_you_mean(name, class_names)}"
        for name in sorted(unknown)
    ]


def group_errors(place: str, splits: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns an error for each group that is in more than one split.

    Args:
        place: name of the list.
        splits: of these groups.
    """
    return [
        f"{place}: group must be in one split; {group!r} is in {' and '.join(names)}"
        for group, names in splits.items()
    ]


def explanations(all_problems: Iterable[Problem]) -> list[str]:
    """Returns the first unusable images to train or validate with, which may explain an error."""
    found = [
        f"{one.path}: {one.problem} ({one.detail})"
        for one in all_problems
        if one.action == "skipped" and one.split in ("train", "validation")
    ]
    more = [f"{count(len(found) - SHOWN, 'more image')} cannot be used"] * (len(found) > SHOWN)
    return found[:SHOWN] + more


def image_errors(
    place: str, class_names: list[str], statistics: DatasetStatistics, splits: Set[str]
) -> list[str]:
    """Returns an error for each class that lacks images to both train and validate.

    Args:
        place: name of the list.
        class_names: the classes.
        statistics: of the usable images.
        splits: that the list has images of.
    """
    errors = [
        f"{place}, class {name}: needs 2 or more different usable images; got {got}: add some to "
        "the list, or remove the class"
        for name in class_names
        if (got := len(statistics.contents[name])) < 2
    ]
    if "validation" in splits and not statistics.counts["validation"]:
        errors.append(
            f"{place}: needs a usable validation image; got 0: add some, or remove the validation "
            "images from the list; training images then validate"
        )
    return errors


def label_warnings(place: str, class_names: list[str], unscored: Iterable[str]) -> list[str]:
    """Returns a warning for each label of test images that is no class.

    Args:
        place: name of the list.
        class_names: the classes.
        unscored: these labels.
    """
    return [
        f"{place}: test images with label {name!r} are not scored, because no class has this name"
        + did_you_mean(name, class_names)
        for name in sorted(unscored)
    ]
