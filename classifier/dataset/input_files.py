"""The files of the dataset: in folders, with those that input/labels.csv adds, or elsewhere."""

import heapq
from collections.abc import Iterator
from pathlib import Path

from classifier.dataset import folders, image_list
from classifier.dataset.folders import INPUT, InputFile, LeftOut
from classifier.dataset.image_list import ImageList
from classifier.dataset.label_list import LabelList, ListedImage


def find(
    listed: LabelList, left_out: LeftOut | None = None, elsewhere: ImageList | None = None
) -> Iterator[InputFile]:
    """Yields every file of the dataset, in path order.

    Args:
        listed: rows of input/labels.csv, which win over folders.
        left_out: gets what is not among the files.
        elsewhere: a list that is the dataset, instead of all that is in `input/`.
    """
    if elsewhere:
        yield from image_list.iter_files(elsewhere)
        return
    in_folders = folders.find_files(left_out=left_out)
    if not listed:
        yield from in_folders
        return
    in_folders = (
        listed_file(file, listed[file.path]) if file.path in listed else file for file in in_folders
    )
    paths = sorted((path for path in listed if not is_found(path)), key=Path.as_posix)
    if left_out:
        parents = {parent for path in paths for parent in path.parents if parent != INPUT.parent}
        left_out.linked_folders += sorted(p.as_posix() for p in parents if folders.is_link(p))
    others = (listed_file(InputFile(path, "train", ""), listed[path]) for path in paths)
    yield from heapq.merge(in_folders, others, key=lambda file: file.path.as_posix())


def listed_file(file: InputFile, row: ListedImage) -> InputFile:
    """Returns a file with the split, class and group of its row."""
    return InputFile(file.path, split_of(file.path, row), row.label or file.folder, row.group)


def is_found(path: Path) -> bool:
    """Tells whether a file is found by its folder; hidden ones are not."""
    _, folder, *inner = path.parts
    return folder in folders.FOLDERS and not any(map(folders.is_system_file, inner))


def split_of(path: Path, row: ListedImage) -> str:
    """Returns the split of a file of the list; one of input/unlabelled that has a label trains."""
    folder = path.parts[1] if is_found(path) else "train"
    return row.split or ("train" if folder == folders.UNLABELLED and row.label else folder)


def class_names(listed: LabelList, elsewhere: ImageList | None = None) -> list[str]:
    """Returns the sorted classes: folders of input/train, and labels of training images."""
    if elsewhere:
        return sorted({f.folder for f in image_list.iter_files(elsewhere) if f.split == "train"})
    names = folders.class_folders(INPUT, "train")
    known = set(map(folders.nfc, names))
    for path, row in listed.items():
        if row.label and split_of(path, row) == "train" and folders.nfc(row.label) not in known:
            known.add(folders.nfc(row.label))
            names.append(row.label)
    return sorted(names)
