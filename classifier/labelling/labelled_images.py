"""The images of a session, and the labels that they have now.

Labels are in input/labels.csv alone, which other processes may add to.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.dataset import input_files, label_list, label_writer
from classifier.dataset.findings import Finding
from classifier.dataset.folders import EXCLUDED, UNLABELLED, InputFile
from classifier.dataset.label_list import LabelList, ListedImage
from classifier.dataset.label_writer import NewLine
from classifier.labelling.images import Images


@dataclass(frozen=True)
class State:
    """Which images have a label.

    Attributes:
        places: the labelled images.
        classes: theirs.
        closed: images that need no label: copies of labelled ones, and those that do not train.
    """

    places: list[int]
    classes: list[str]
    closed: list[int]


class LabelledImages:
    """The images, and the list as it was when it was last read or written.

    Args:
        files: of the images, as their folders say.
        images: the same images, in the same order.
        by: who labels.
        path: the list.
        changed: is called with the number of labels that are new.

    Attributes:
        lock: of all that changes with the labels.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        images: Images,
        by: str,
        path: Path,
        changed: Callable[[int], object],
    ) -> None:
        self.files, self.images, self.lock = files, images, threading.RLock()
        self.places = {file.path: place for place, file in enumerate(files)}
        self._copies = defaultdict[str, list[int]](list)
        for place, sha256 in enumerate(images.hashes):
            self._copies[sha256].append(place)
        self._by, self._path, self._changed = by, path, changed
        self._list, self._signature = LabelList(), (-1, -1)

    def read(self) -> None:
        """Reads the list again if it has changed; a StageError says what is wrong with it."""
        with self.lock:
            if (signature := self._current()) != self._signature:
                before, self._list = self._list, label_list.read(self._path)
                self._signature = signature
                self._changed(sum(self._list.get(path) != before.get(path) for path in self.places))

    def _current(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_size, status.st_mtime_ns

    def row(self, place: int) -> ListedImage | None:
        """Returns the row of an image in the list."""
        return self._list.get(self.files[place].path)

    def file(self, place: int) -> InputFile:
        """Returns a file with the split and the class that it has now."""
        row = self.row(place)
        return input_files.listed_file(self.files[place], row) if row else self.files[place]

    def is_decided(self, finding: Finding) -> bool:
        """Tells whether somebody has changed or confirmed the label that a finding is about."""
        place = self.places[Path(finding.path)]
        file, row = self.file(place), self.row(place)
        confirmed = row and row.when and (row.lines > 1 or self.files[place].folder)
        return file.split == EXCLUDED or file.folder != finding.label or bool(confirmed)

    def state(self) -> State:
        """Returns which images have a label now."""
        places, classes, closed = list[int](), list[str](), list[int]()
        for place in range(len(self.files)):
            file = self.file(place)
            if file.split == "train" and file.folder:
                places.append(place)
                classes.append(file.folder)
            elif file.split != UNLABELLED:
                closed.append(place)
        known = set(places)
        contents = {self.images.hashes[place] for place in places}
        copies = (place for sha256 in contents for place in self._copies[sha256])
        closed += [place for place in copies if place not in known]
        return State(places, classes, closed)

    def write(self, places: Sequence[int], rows: Sequence[ListedImage]) -> None:
        """Adds lines with the values of rows, which count from now on."""
        lines = []
        for place, row in zip(places, rows, strict=True):
            current = self.row(place)
            when = label_writer.now(current.when if current else "")
            path = self.files[place].path
            lines.append(NewLine(path, row.label, row.split, row.group, when, self._by))
        before, after = label_writer.append(lines, self._path)
        if before != self._signature[0]:  # another process has added lines too
            self.read()
            return
        for line in lines:
            old = self._list.get(line.path)
            again = old.lines + 1 if old and old.label == line.label else 1
            values = line.label, line.split, line.group, line.when
            self._list[line.path] = ListedImage(0, *values, again)
        self._signature = after, self._current()[1]
        self._changed(len(lines))
