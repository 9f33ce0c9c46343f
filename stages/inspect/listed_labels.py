"""Findings about images to which input/labels.csv gives another class than their folder."""

from collections.abc import Iterable, Iterator, Sequence

from classifier.dataset import folders
from classifier.dataset.findings import LIST_AND_FOLDER, Finding
from classifier.dataset.manifest import ImageRow


def find(rows: Iterable[ImageRow], class_names: Sequence[str]) -> Iterator[Finding]:
    """Yields a finding for each such image; folders that are no class say nothing.

    Args:
        rows: of results/images.csv.
        class_names: all classes.
    """
    names = {folders.nfc(name): name for name in class_names}
    for row in rows:
        _, split, *inner = row.path.split("/")
        name = names.get(folders.nfc(inner[0])) if split in folders.SPLITS and inner[1:] else None
        if name and row.label and name != row.label:
            detail = f"{row.label} in {folders.LIST.as_posix()}, but in the folder of {name}"
            yield Finding(row.path, row.label, LIST_AND_FOLDER, 0, name, "", detail)
