"""Labelling in progress: what a person asks and answers.

Labels are in input/labels.csv alone; what is kept here can be found out again.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classifier.dataset.findings import Finding
from classifier.dataset.folders import EXCLUDED, LIST, InputFile
from classifier.dataset.label_list import ListedImage
from classifier.labelling import estimates, selection
from classifier.labelling.images import Images
from classifier.labelling.labelled_images import LabelledImages
from classifier.labelling.learning import Learned, Learning
from classifier.labelling.page_requests import WrongError, check_name, check_places
from classifier.labelling.questions import Questions


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
        self._learning = Learning()
        self._labelled = LabelledImages(files, images, by, path, self._learning.changed)
        self._questions = Questions(self._labelled, self._learning, findings)
        self._labelled.read()
        self._learning.start(self._labelled)

    def file(self, place: int) -> InputFile:
        """Returns a file with the split and the class that it has now."""
        return self._labelled.file(place)

    def learn(self) -> Learned:
        """Learns from the labels that there are now."""
        return self._learning.learn(self._labelled)

    def close(self) -> None:
        """Ends the thread."""
        self._learning.close()

    def status(self, who: str) -> dict[str, Any]:
        """Returns numbers for somebody's page."""
        self._labelled.read()
        with self._labelled.lock:
            state, learned = self._labelled.state(), self._learning.learned
            found = learned.found if learned else []
            counts, labelled = Counter(state.classes), len(state.places)
            started = labelled >= max(selection.START, 2 * len(counts)) and len(counts) > 1
            return {
                "labelled": labelled,
                "images": len(self.files),
                "open": len(self.files) - len({*state.places, *state.closed}),
                "classes": sorted(counts.items()),
                "findings": len(self._questions.open_findings()),
                "accuracy": [(number, round(value, 4)) for number, value in found],
                "gain": round(gain, 4) if (gain := estimates.gain(found)) is not None else None,
                "more": estimates.MORE,
                "started": started,
                "undo": len(self._questions.people[who].done),
                "problem": self._learning.problem,
            }

    def next_image(self, who: str) -> dict[str, Any]:
        """Returns the image that somebody should label next."""
        self._labelled.read()
        return self._questions.next_image(who)

    def next_group(self, who: str) -> dict[str, Any]:
        """Returns a group of images that look alike: of those without a label, the largest."""
        self._labelled.read()
        return self._questions.next_group(who)

    def next_finding(self, who: str) -> dict[str, Any]:
        """Returns the most serious finding that nobody has decided on."""
        self._labelled.read()
        return self._questions.next_finding(who)

    def split(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Returns the two halves of a group."""
        check_places(places, len(self.files))
        if len(places) < 2:
            raise WrongError("a group of one image cannot be split")
        return self._questions.halves(places)

    def label(self, who: str, places: Sequence[int], label: str, *, exclude: bool = False) -> None:
        """Writes the label of images, or that no stage uses them.

        Raises:
            WrongError: there are no such images, or the label cannot be one.
            StageError: the list cannot be written.
        """
        check_places(places, len(self.files))
        name = label.strip()
        if not exclude:
            check_name(name)
        self._labelled.read()
        with self._labelled.lock:
            before = [(place, self._labelled.row(place)) for place in places]
            rows = []
            for _, row in before:
                group, split = (row.group, row.split) if row else ("", "")
                split = EXCLUDED if exclude else "" if split == EXCLUDED else split
                rows.append(ListedImage(0, "" if exclude else name, split, group))
            self._labelled.write(places, rows)
            self._questions.people[who].done.append(before)

    def skip(self, who: str, places: Sequence[int]) -> None:
        """Shows the images to this person no more, until the page is started again."""
        check_places(places, len(self.files))
        with self._labelled.lock:
            self._questions.people[who].skipped |= set(places)

    def undo(self, who: str) -> list[int]:
        """Takes back what somebody did last, and returns the images; none if there is nothing."""
        self._labelled.read()
        with self._labelled.lock:
            done = self._questions.people[who].done
            if not done:
                return []
            empty = ListedImage(0, "", "", "")
            places = [place for place, _ in done[-1]]
            self._labelled.write(places, [row or empty for _, row in done[-1]])
            done.pop()
            return places
