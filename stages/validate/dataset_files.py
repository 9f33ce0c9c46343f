"""What is wrong or unusual about the files of the dataset and about input/labels.csv."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from classifier.common.errors import did_you_mean, first_names
from classifier.dataset import folders
from classifier.dataset.folders import INPUT, LIST, InputFile
from classifier.dataset.input_files import split_of
from classifier.dataset.label_list import LabelList


@dataclass
class Contents:
    """What one pass over the files finds."""

    total: int = 0
    splits: set[str] = field(default_factory=set)  # that have files
    listed: set[Path] = field(default_factory=set)  # files that are in the list
    direct: set[str] = field(default_factory=set)  # folders of input/train that hold files
    inner: defaultdict[str, set[str]] = field(  # folders in folders of input/train
        default_factory=lambda: defaultdict(set)
    )
    unknown: set[str] = field(default_factory=set)  # folders of input/validation that are no class
    unscored: set[str] = field(
        default_factory=set
    )  # labels of listed test images that are no class

    @classmethod
    def survey(cls, files: Iterable[InputFile], listed: LabelList, names: list[str]) -> "Contents":
        """Returns what the files tell."""
        contents, classes = cls(), set(map(folders.nfc, names))
        for file in files:
            contents.total += file.split != folders.EXCLUDED
            contents.splits.add(file.split)
            if file.path in listed:
                contents.listed.add(file.path)
            elif file.split == "validation" and folders.nfc(file.folder) not in classes:
                contents.unknown.add(file.folder)
            elif file.split == "test" and file.version and file.folder:
                if folders.nfc(file.folder) not in classes:
                    contents.unscored.add(file.folder)
            elif file.split == "train" and file.folder and not file.version:
                _, _, folder, *inner, _ = file.path.parts
                if inner:
                    contents.inner[folder].add(inner[0])
                else:
                    contents.direct.add(folder)
        return contents


def list_errors(listed: LabelList, names: list[str], contents: Contents) -> list[str]:
    """Returns errors about rows that do not fit the files, each with its line."""
    classes = set(map(folders.nfc, names))
    errors, splits = list[tuple[int, str]](), defaultdict[str, dict[str, int]](dict)
    for path, row in listed.items():
        _, top, *inner = path.parts
        folder = inner[0] if top in folders.SPLITS and len(inner) > 1 else ""
        split = split_of(path, row)
        label = folders.nfc(row.label or folder)
        if row.group and split in folders.SPLITS:
            splits[row.group].setdefault(split, row.line)
        if path not in contents.listed:
            written = path.relative_to(INPUT).as_posix()
            errors.append((row.line, f"path must be written as on the disk; got {written!r}"))
        elif split in ("train", "validation") and label not in classes:
            rule = f"must have a label, because its folder is no class; split is {split}"
            if row.label:
                rule = f"label must be that of a training image; got {row.label!r}"
                rule += did_you_mean(row.label, names)
            errors.append((row.line, rule))
    errors += [
        (
            max(lines.values()),
            f"group must be in one split; {group!r} is in "
            + " and ".join(f"{split} (line {line})" for split, line in sorted(lines.items())),
        )
        for group, lines in splits.items()
        if len(lines) > 1
    ]
    return [f"line {line}: {error}" for line, error in sorted(errors)]


def conflict_warnings(listed: LabelList, names: list[str]) -> list[str]:
    """Returns warnings about rows that differ from the image's folder; the row wins."""
    classes = set(map(folders.nfc, names))
    labels, splits = list[str](), list[str]()
    for path, row in listed.items():
        _, top, *inner = path.parts
        if top in folders.SPLITS and row.split not in ("", top):
            splits.append(f"{path.as_posix()} is {row.split}")
        folder = folders.nfc(inner[0]) if top in folders.SPLITS and len(inner) > 1 else ""
        if folder in classes and row.label and folders.nfc(row.label) != folder:
            labels.append(f"{path.as_posix()} is {row.label}")
    return [
        f"{LIST.as_posix()}: wins over the {kind} that the folder gives: {first_names(found)}"
        for kind, found in (("class", labels), ("split", splits))
        if found
    ]
