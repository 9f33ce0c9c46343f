"""Warnings about what is left out of `input/`, and about what makes scores unreliable."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from classifier.common.errors import count, did_you_mean, first_names
from classifier.dataset import folders, problems
from classifier.dataset.folders import INPUT
from classifier.dataset.problems import NO_FILE, Problem
from stages.validate.dataset_files import Contents
from stages.validate.folder_errors import (
    TRAIN,
    VALIDATION,
    alike,
    unscored_folders,
)

NON_UTF8_NAME = "the file's name is not UTF-8; rename it"
FEW_IMAGES = 10  # of a class; with fewer, one or two validate
UNEVEN = 10  # ratio of the largest class to the smallest
BLANK = {
    "plain": "of one colour all over (white on a transparent ground becomes that)",
    "low_range": "with less than a sixteenth of the range of values",
}
TEST = f"{INPUT.as_posix()}/test"
READ = f"{TRAIN}, {VALIDATION}, {TEST} and {INPUT.as_posix()}/{folders.UNLABELLED}"


def left_out_warnings(
    class_names: list[str], contents: Contents, listed: Collection[Path] = ()
) -> list[str]:
    """Returns warnings about folders that no split reads, or reads otherwise than meant."""
    place = INPUT.as_posix()
    per_folder = Counter(path.parts[1] for path in listed)
    entries = folders.unread_entries(INPUT)
    warnings = []
    for name in (name.rstrip("/") for name in entries if name.endswith("/")):
        if not per_folder[name]:
            near = folders.intended(name)
            only = f"{place}/{name}: not read; only {READ} are"
            warnings.append(only + (f"; did you mean {near}?" if near else ""))
        elif rest := sum(1 for _ in folders.walk(INPUT / name)) - per_folder[name]:
            rest_of = f"{place}/{name}: not read: {count(rest, 'file')} that "
            warnings.append(rest_of + f"{'is' if rest == 1 else 'are'} not in {folders.LIST.name}")
    if loose := [n for n in entries if not n.endswith("/") and INPUT / n not in listed]:
        warnings.append(f"{place}: files directly in it are not read: {first_names(loose)}")
    warnings += [
        f"{place}/{split}/{name}: not read, because its name begins with a dot; rename it if it "
        "holds images"
        for split in folders.FOLDERS
        for name in folders.hidden_folders(INPUT, split)
    ]
    warnings += _nested_folders(class_names, contents)
    return warnings + [
        f"{TEST}/{name}: not scored, because no class has this name{hint}"
        for name in unscored_folders(class_names, listed)
        if (hint := did_you_mean(name, class_names))
    ]


def _nested_folders(class_names: list[str], contents: Contents) -> list[str]:
    classes = {name.casefold() for name in class_names}
    warnings = []
    for name, inner in sorted(contents.inner.items()):
        if len(inner) > 1 and name not in contents.direct:
            warnings.append(
                f"{TRAIN}/{name}: the images of its folders ({first_names(sorted(inner))}) are all "
                f"of class {name}; if these are classes, move them to {TRAIN}"
            )
        warnings += [
            f"{TRAIN}/{name}/{other}: has the name of a class, but its images are of class {name}; "
            f"move it to {TRAIN} if that is wrong"
            for other in sorted(inner)
            if other.casefold() in classes
        ]
    return warnings


def missing_class_warnings(
    place: Callable[[str], str], per_split: Mapping[str, Counter[str]]
) -> list[str]:
    """Returns warnings about classes without images to score.

    Args:
        place: names a split.
        per_split: usable images by split and class.
    """
    names = sorted(per_split["train"])
    return [
        f"{place(split)}: no usable image of {first_names(missing)}; its scores say "
        "nothing about " + ("these classes" if len(missing) > 1 else "this class")
        for split in ("validation", "test")
        if any(per_split[split][name] for name in names)
        and (missing := [name for name in names if not per_split[split][name]])
    ]


def image_warnings(place: str, codes: Mapping[str, int]) -> list[str]:
    """Returns warnings about images that tell the network nothing.

    Args:
        place: of all images.
        codes: how many have each problem.
    """
    return [
        f"{place}: {count(codes[code], 'image')} {meaning} (problem `{code}` in "
        f"{problems.PATH.as_posix()}); nothing can be learned from such images"
        for code, meaning in BLANK.items()
        if codes.get(code)
    ]


def dataset_warnings(place: str, per_class: Counter[str], all_problems: list[Problem]) -> list[str]:
    """Returns warnings about class names, few or uneven training images, and unreadable files.

    Args:
        place: of the training images.
        per_class: number of usable training images.
        all_problems: of all files.
    """
    warnings = [
        f"{place}: {', '.join(names)} differ only in case: one class?"
        for names in alike(sorted(per_class), str.casefold)
    ]
    if few := [f"{name} ({n})" for name, n in sorted(per_class.items()) if n < FEW_IMAGES]:
        warnings.append(
            f"{place}: fewer than {FEW_IMAGES} images of {first_names(few)}; metrics will be "
            "unreliable: add images if you can"
        )
    warnings += [
        f"{place}: `{name}` is also what images of no class are predicted as; column "
        "`class_1` of the predictions tells them apart"
        for name in (folders.UNKNOWN, folders.UNCERTAIN)
        if name in per_class
    ]
    (most, largest), *_, (least, smallest) = per_class.most_common()
    if largest >= UNEVEN * smallest:
        warnings.append(
            f"{place}: {count(largest, 'image')} of {most}, {smallest:,} of {least}; rare classes "
            "are seldom predicted: add images, or try train.class_weight: balanced"
        )
    if names := [p.path for p in all_problems if p.detail in (NON_UTF8_NAME, NO_FILE)]:
        rule = "DVC cannot read named pipes, sockets, broken symlinks or names that are not UTF-8"
        warnings.append(f"{INPUT.as_posix()}: {rule}; remove {first_names(names)}")
    return warnings
