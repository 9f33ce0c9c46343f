"""The files of the dataset: those of the folders, and those that input/labels.csv adds."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classifier.common.errors import did_you_mean, first_names
from classifier.dataset import folders
from classifier.dataset.folders import INPUT, LIST, InputFile, LeftOut
from classifier.dataset.label_list import LabelList, ListedImage


def find(listed: LabelList, left_out: LeftOut | None = None) -> Iterator[InputFile]:
    """Yields every file of the dataset, in path order; what the list says wins over folders."""
    in_folders = (
        listed_file(file, listed[file.path]) if file.path in listed else file
        for file in folders.find_files(left_out=left_out)
    )
    paths = sorted((path for path in listed if not _is_found(path)), key=Path.as_posix)
    if left_out:
        parents = {parent for path in paths for parent in path.parents if parent != INPUT.parent}
        left_out.linked_folders += sorted(p.as_posix() for p in parents if folders.is_link(p))
    others = (listed_file(InputFile(path, "train", ""), listed[path]) for path in paths)
    yield from heapq.merge(in_folders, others, key=lambda file: file.path.as_posix())


def listed_file(file: InputFile, row: ListedImage) -> InputFile:
    """Returns a file with the split, class and group of its row."""
    return InputFile(file.path, split_of(file.path, row), row.label or file.folder, row.group)


def _is_found(path: Path) -> bool:
    """Tells whether a file is found by its folder; hidden ones are not."""
    _, folder, *inner = path.parts
    return folder in folders.FOLDERS and not any(map(folders.is_system_file, inner))


def split_of(path: Path, row: ListedImage) -> str:
    """Returns the split of a file of the list; one of input/unlabelled that has a label trains."""
    folder = path.parts[1] if _is_found(path) else "train"
    return row.split or ("train" if folder == folders.UNLABELLED and row.label else folder)


def class_names(listed: LabelList) -> list[str]:
    """Returns the sorted classes: folders of input/train, and labels of training images."""
    names = folders.class_folders(INPUT, "train")
    known = set(map(folders.nfc, names))
    for path, row in listed.items():
        if row.label and split_of(path, row) == "train" and folders.nfc(row.label) not in known:
            known.add(folders.nfc(row.label))
            names.append(row.label)
    return sorted(names)


@dataclass
class Contents:
    """What one pass over the files finds."""

    total: int = 0
    listed: set[Path] = field(default_factory=set)  # files that are in the list
    direct: set[str] = field(default_factory=set)  # folders of input/train that hold files
    inner: defaultdict[str, set[str]] = field(  # folders in folders of input/train
        default_factory=lambda: defaultdict(set)
    )
    unknown: set[str] = field(default_factory=set)  # folders of input/validation that are no class

    @classmethod
    def survey(cls, files: Iterable[InputFile], listed: LabelList, names: list[str]) -> "Contents":
        """Returns what the files tell."""
        contents, classes = cls(), set(map(folders.nfc, names))
        for file in files:
            contents.total += file.split != folders.EXCLUDED
            if file.path in listed:
                contents.listed.add(file.path)
            elif file.split == "validation" and folders.nfc(file.folder) not in classes:
                contents.unknown.add(file.folder)
            elif file.split == "train" and file.folder:
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
