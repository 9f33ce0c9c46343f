"""Labelling in progress: what is known, what to ask next, and what was learned.

Labels are in input/labels.csv alone, which other processes may add to; what is kept here can be
found out again.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from classifier.common.errors import StageError
from classifier.dataset import input_files, label_list, label_writer
from classifier.dataset.findings import Finding
from classifier.dataset.folders import EXCLUDED, LIST, UNLABELLED, InputFile
from classifier.dataset.label_list import LabelList, ListedImage
from classifier.dataset.label_writer import NewLine
from classifier.labelling import clusters, estimates, learner, selection
from classifier.labelling.estimates import Point
from classifier.labelling.images import Images
from classifier.labelling.learner import Labels
from classifier.labelling.selection import BATCH, Pool

SHOWN = 24  # images of a group
GUESSES = 50  # classes listed for an image, at most
PEOPLE = 1000  # whose actions are remembered
LENT_SECONDS = 300.0  # for which an image is shown to one person alone
SEED = 1


class WrongError(Exception):
    """What is wrong with a request, in a sentence."""


@dataclass(frozen=True)
class Learned:
    """What the labels have taught.

    Attributes:
        names: of the classes.
        probabilities: float32 (N, C).
        found: the accuracy by number of labels, drawn from those that there are.
        batch: images to label next, the first first.
    """

    names: list[str]
    probabilities: np.ndarray
    found: list[Point]
    batch: list[int]


@dataclass
class Person:
    """What somebody has done and is shown."""

    done: list[list[tuple[int, ListedImage | None]]] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)


class Session:
    """The images, their labels, and a thread that learns from them.

    Args:
        files: of the images, as their folders say.
        images: the same images, in the same order.
        findings: of stage `inspect`, about some of the images.
        by: who labels.
        path: the list.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        images: Images,
        findings: Sequence[Finding],
        by: str,
        path: Path = LIST,
    ) -> None:
        self.files, self.images = files, images
        self._by, self._path = by, path
        self._findings = findings
        self._places = {file.path: place for place, file in enumerate(files)}
        self._copies = defaultdict[str, list[int]](list)
        for place, sha256 in enumerate(images.hashes):
            self._copies[sha256].append(place)
        self._lock, self._learning = threading.RLock(), threading.Lock()
        self._people = defaultdict[str, Person](Person)
        self._lent: dict[int, tuple[str, float]] = {}
        self._groups: list[np.ndarray] = []
        self._shown = Counter[int]()  # times each group was shown
        self._list, self._signature = LabelList(), (-1, -1)
        self._learned: Learned | None = None
        self._new = 0  # labels since then
        self._wake, self._closed = threading.Event(), False
        self.read_list()
        threading.Thread(target=self._learn_on, daemon=True).start()

    # what is known

    def read_list(self) -> None:
        """Reads the list again if it has changed; a StageError says what is wrong with it."""
        with self._lock:
            if (signature := self._current()) != self._signature:
                before, self._list = self._list, label_list.read(self._path)
                self._signature = signature
                self._new += sum(self._list.get(path) != before.get(path) for path in self._places)
                self._wake_up()

    def _current(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_size, status.st_mtime_ns

    def file(self, place: int) -> InputFile:
        """Returns a file with the split and the class that it has now."""
        file = self.files[place]
        row = self._list.get(file.path)
        return input_files.listed_file(file, row) if row else file

    def _state(self) -> tuple[list[int], list[str], list[int]]:
        """Returns the labelled images, their classes, and those that need no label."""
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
        return places, classes, closed

    # learning

    def _learn_on(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            if not self._closed and (self._new >= BATCH or self._learned is None):
                self.learn()

    def _wake_up(self) -> None:
        if self._new >= BATCH or self._learned is None:
            self._wake.set()

    def learn(self) -> Learned:
        """Learns from the labels that are there now."""
        with self._learning:
            with self._lock:
                self._new = 0
                places, classes, closed = self._state()
            names, numbers = np.unique(np.array(classes, str), return_inverse=True)
            labels = Labels(np.array(places, int), numbers, len(names))
            points = self.images.points
            shares = np.full((len(points), len(names)), 1 / max(len(names), 1), np.float32)
            if len(names) >= learner.MIN_CLASSES:
                shares, _ = estimates.probabilities(points, labels)
            pool = Pool(points, labels, np.array(closed, int), SEED)
            batch = selection.teaching(pool, BATCH).tolist()
            found = estimates.curve(points, labels)
            learned = Learned(names.tolist(), shares, found, batch)
            with self._lock:
                self._learned = learned
            return learned

    def close(self) -> None:
        """Ends the thread."""
        self._closed = True
        self._wake.set()

    # what is asked

    def status(self, who: str) -> dict[str, Any]:
        """Returns numbers for somebody's page."""
        self.read_list()
        with self._lock:
            places, classes, closed = self._state()
            learned, taken = self._learned, set(places) | set(closed)
            found = learned.found if learned else []
            counts = Counter(classes)
            started = len(places) >= max(selection.START, 2 * len(counts)) and len(counts) > 1
            return {
                "labelled": len(places),
                "images": len(self.files),
                "open": len(self.files) - len(taken),
                "classes": sorted(counts.items()),
                "findings": len(self._open_findings()),
                "accuracy": [(number, round(value, 4)) for number, value in found],
                "gain": round(gain, 4) if (gain := estimates.gain(found)) is not None else None,
                "more": estimates.MORE,
                "started": started,
                "undo": len(self._person(who).done),
            }

    def _guesses(self, places: Sequence[int]) -> list[tuple[str, float]]:
        """Returns classes, the most probable first, with their mean probability."""
        _, classes, _ = self._state()
        counts = Counter(classes)
        shares = dict.fromkeys(sorted(counts, key=lambda name: (-counts[name], name)), 0.0)
        if self._learned and len(self._learned.names) >= learner.MIN_CLASSES:
            means = self._learned.probabilities[list(places)].mean(axis=0).tolist()
            shares |= dict(zip(self._learned.names, means, strict=True))
        best = sorted(shares.items(), key=lambda item: -item[1])
        return [(name, round(share, 4)) for name, share in best[:GUESSES]]

    def _item(self, kind: str, places: Sequence[int], **more: object) -> dict[str, Any]:
        shown = [
            {"id": place, "path": self.files[place].path.as_posix()} for place in map(int, places)
        ]
        return {"kind": kind, "images": shown, "guesses": self._guesses(places), **more}

    def _free(self, who: str) -> np.ndarray:
        """Tells which images may be shown to somebody, bool (N,)."""
        places, _, closed = self._state()
        free = np.ones(len(self.files), bool)
        free[places] = free[closed] = free[list(self._person(who).skipped)] = False
        now = time.monotonic()
        for place, (whose, when) in list(self._lent.items()):
            if now - when > LENT_SECONDS:
                del self._lent[place]
            elif whose != who:
                free[place] = False
        return free

    def _lend(self, who: str, places: Iterable[int]) -> None:
        self._lent = {place: lent for place, lent in self._lent.items() if lent[0] != who}
        self._lent |= dict.fromkeys(map(int, places), (who, time.monotonic()))

    def next_image(self, who: str) -> dict[str, Any]:
        """Returns the image that somebody should label next."""
        self.read_list()
        if self._learned is None:
            self.learn()
        for attempt in range(2):
            with self._lock:
                free = self._free(who)
                batch = self._learned.batch if self._learned else []
                if chosen := [place for place in batch if free[place]][:1]:
                    self._lend(who, chosen)
                    return self._item("image", chosen)
                if not free.any():
                    return {"kind": "none"}
            if attempt == 0:
                self.learn()
        with self._lock:  # all of the batch is skipped or shown to others
            left = np.flatnonzero(self._free(who))
            self._lend(who, left[:1])
            return self._item("image", left[:1].tolist()) if len(left) else {"kind": "none"}

    def next_group(self, who: str) -> dict[str, Any]:
        """Returns a group of images that look alike: of those without a label, the largest."""
        self.read_list()
        with self._lock:
            free = self._free(who)
            if not free.any():
                return {"kind": "none"}
            if not self._groups:
                self._groups = self._divide(np.arange(len(self.files)))
            sizes = [int(free[group].sum()) for group in self._groups]
            number = max(range(len(sizes)), key=lambda n: (sizes[n] > 0, -self._shown[n], sizes[n]))
            self._shown[number] += 1
            some = self._groups[number][free[self._groups[number]]]
            central = some[clusters.central(self.images.points[some, : selection.AXES])[:SHOWN]]
            self._lend(who, central)
            return self._item("group", central.tolist(), more=len(some) - len(central))

    def _divide(self, places: np.ndarray) -> list[np.ndarray]:
        count = int(np.clip(round(1.5 * len(places) ** 0.5), 1, 200))
        everything = Pool(self.images.points, Labels(places[:0], places[:0], 0), places[:0])
        members = clusters.k_means(everything.directions, count, SEED)
        return [group for n in range(count) if len(group := np.flatnonzero(members == n))]

    def split(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Returns the two halves of a group."""
        self._check(places)
        some = np.array(places, int)
        if len(some) < 2:
            raise WrongError("a group of one image cannot be split")
        members = clusters.k_means(self.images.points[some, : selection.AXES], 2, SEED)
        if len(set(members.tolist())) < 2:  # copies of one image
            members[len(members) // 2 :] = 1 - members[0]
        with self._lock:
            halves = (some[members == part].tolist() for part in (0, 1))
            return [self._item("group", half, more=0) for half in halves]

    def _open_findings(self) -> list[Finding]:
        """Returns the findings that nobody has decided on, most serious first."""
        found = []
        for one in self._findings:
            row = self._list.get(Path(one.path))
            place = self._places[Path(one.path)]
            file = self.file(place)
            confirmed = row and row.when and (row.lines > 1 or self.files[place].folder)
            if file.split != EXCLUDED and file.folder == one.label and not confirmed:
                found.append(one)
        return found

    def next_finding(self, who: str) -> dict[str, Any]:
        """Returns the most serious finding that nobody has decided on."""
        self.read_list()
        with self._lock:
            skipped = self._person(who).skipped
            for one in self._open_findings():
                place, other = self._places[Path(one.path)], self._places.get(Path(one.other))
                if place in skipped:
                    continue
                names = [name for name, _ in self._guesses([place])]
                first = [name for name in (one.suggested, one.label) if name]
                order = [*first, *(name for name in names if name not in first)]
                item = self._item("finding", [place], finding=one.finding, detail=one.detail)
                shown = [] if other is None else self._item("", [other])["images"]
                current = {"label": one.label, "other": shown}
                return item | current | {"guesses": [(name, None) for name in order]}
            return {"kind": "none"}

    # what is answered

    def _person(self, who: str) -> Person:
        if len(self._people) >= PEOPLE and who not in self._people:
            self._people.clear()
        return self._people[who]

    def _check(self, places: Sequence[int]) -> None:
        if not places or len(set(places)) < len(places):
            raise WrongError("images must be named, each once")
        if not all(0 <= place < len(self.files) for place in places):
            raise WrongError("there is no such image")

    def label(self, who: str, places: Sequence[int], label: str, *, exclude: bool = False) -> None:
        """Writes the label of images, or that no stage uses them.

        Raises:
            WrongError: there are no such images, or the label cannot be one.
            StageError: the list cannot be written.
        """
        self._check(places)
        name = label.strip()
        if not exclude:
            check_name(name)
        self.read_list()
        with self._lock:
            before = [(place, self._list.get(self.files[place].path)) for place in places]
            rows = []
            for _, row in before:
                group, split = (row.group, row.split) if row else ("", "")
                split = EXCLUDED if exclude else "" if split == EXCLUDED else split
                rows.append(ListedImage(0, "" if exclude else name, split, group))
            self._write(places, rows)
            self._person(who).done.append(before)

    def skip(self, who: str, places: Sequence[int]) -> None:
        """Shows the images to this person no more, until the page is started again."""
        self._check(places)
        with self._lock:
            self._person(who).skipped |= set(places)

    def undo(self, who: str) -> list[int]:
        """Takes back what somebody did last, and returns the images; none if there is nothing."""
        self.read_list()
        with self._lock:
            done = self._person(who).done
            if not done:
                return []
            empty = ListedImage(0, "", "", "")
            places = [place for place, _ in done[-1]]
            self._write(places, [row or empty for _, row in done[-1]])
            done.pop()
            return places

    def _write(self, places: Sequence[int], rows: Sequence[ListedImage]) -> None:
        """Adds lines with the values of rows, which count from now on."""
        lines = []
        for place, row in zip(places, rows, strict=True):
            path = self.files[place].path
            current = self._list.get(path)
            when = label_writer.now(current.when if current else "")
            lines.append(NewLine(path, row.label, row.split, row.group, when, self._by))
        before, after = label_writer.append(lines, self._path)
        if before != self._signature[0]:  # another process has added lines too
            self.read_list()
            return
        for line in lines:
            old = self._list.get(line.path)
            again = old.lines + 1 if old and old.label == line.label else 1
            values = line.label, line.split, line.group, line.when
            self._list[line.path] = ListedImage(0, *values, again)
        self._signature = after, self._current()[1]
        self._new += len(lines)
        self._wake_up()


def check_name(name: str) -> None:
    """Raises a WrongError if a class cannot have this name, which may become that of a folder."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise WrongError("a class must have a name of 1 to 100 printable characters")
    if name.startswith(".") or any(sign in name for sign in '/\\:*?"<>|'):
        raise WrongError(f'a class must not begin with a dot or contain / \\ : * ? " < > |: {name}')


def pool_files(listed: LabelList) -> list[InputFile]:
    """Returns the files that may be labelled: training images and images without a label.

    Raises:
        StageError: there are none.
    """
    found = []
    for file in input_files.find(LabelList()):
        row = listed.get(file.path)
        now = input_files.listed_file(file, row) if row else file
        is_open = file.split == UNLABELLED or now.split in ("train", UNLABELLED)
        if is_open and label_writer.fits(file.path):
            found.append(file)
    others = (path for path in listed if not input_files.is_found(path))
    found += [InputFile(path, "train", "") for path in others if label_writer.fits(path)]
    if not found:
        raise StageError(
            "input/unlabelled: no images to label; put the images there, in folders or not"
        )
    return sorted(found, key=lambda file: file.path.as_posix())
