"""Groups of images that are in more than one split; however many there are, in little memory."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from classifier.common.scratch import Scratch
from classifier.dataset import folders
from classifier.dataset.folders import InputFile
from stages.validate.external_sort import KEYED, sorted_parts
from stages.validate.record_file import RecordFile

SHOWN = 50  # groups
SPLITS = {name: number for number, name in enumerate(folders.SPLITS)}

Key = tuple[int, float]  # of a group: 80 bits of its hash


class SharedGroups:
    """Collects the splits of groups on disk."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch, self._images = scratch, 0
        self._found = RecordFile(scratch, KEYED)  # `row` is the number of the image and its split

    def watched(self, files: Iterable[InputFile]) -> Iterator[InputFile]:
        """Yields files, and collects their groups."""
        for file in files:
            if file.group and file.split in SPLITS:
                row = self._images * len(SPLITS) + SPLITS[file.split]
                self._found.append((*_key(file.group), row))
                self._images += 1
            yield file

    def splits(self, files: Iterable[InputFile]) -> dict[str, list[str]]:
        """Returns the sorted splits of up to SHOWN groups that are in more than one.

        Args:
            files: once more; read only if there are such groups.
        """
        keys, shared = self._keys(), dict[str, set[str]]()
        for file in files if keys else ():
            if file.group and file.split in SPLITS and _key(file.group) in keys:
                shared.setdefault(file.group, set()).add(file.split)
        return {group: sorted(shared[group]) for group in sorted(shared)}

    def _keys(self) -> set[Key]:
        keys, last = set[Key](), np.zeros(0, KEYED)
        for part in sorted_parts(self._found.rows(), self._scratch):
            found = np.concatenate([last, part])
            same = (np.diff(found["number"]) == 0) & (np.diff(found["value"]) == 0)
            same &= np.diff(found["row"] % len(SPLITS)) != 0
            chosen = np.unique(found[["number", "value"]][1:][same])[: SHOWN - len(keys)]
            keys |= set(chosen.tolist())
            last = found[-1:]
        return keys


def _key(group: str) -> Key:
    digest = hashlib.sha256(group.encode()).digest()
    return int.from_bytes(digest[:4], "big", signed=True), float(
        int.from_bytes(digest[4:10], "big")
    )
