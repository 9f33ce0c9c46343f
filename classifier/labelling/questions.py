"""What is asked next: groups of images that look alike, single images, and findings."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifier.dataset.findings import Finding
from classifier.labelling import clusters, learner
from classifier.labelling.labelled_images import LabelledImages
from classifier.labelling.learning import SEED, Learning
from classifier.labelling.people import People

SHOWN = 24  # images of a group
GUESSES = 50  # classes listed for an image, at most
NONE = {"kind": "none"}


class Questions:
    """Asks each person about other images.

    Args:
        labelled: the images.
        learning: what their labels have taught.
        findings: of stage `inspect`, about some of the images.

    Attributes:
        people: who is asked.
    """

    def __init__(
        self, labelled: LabelledImages, learning: Learning, findings: Sequence[Finding]
    ) -> None:
        self._labelled, self._learning, self._findings = labelled, learning, findings
        self.people = People()
        self._groups: list[np.ndarray] = []
        self._shown = Counter[int]()  # times each group was shown

    def _guesses(self, places: Sequence[int]) -> list[tuple[str, float]]:
        """Returns classes, the most probable first, with their mean probability."""
        counts, learned = Counter(self._labelled.state().classes), self._learning.learned
        shares = dict.fromkeys(sorted(counts, key=lambda name: (-counts[name], name)), 0.0)
        if learned and len(learned.names) >= learner.MIN_CLASSES:
            means = learned.probabilities[list(places)].mean(axis=0).tolist()
            shares |= dict(zip(learned.names, means, strict=True))
        best = sorted(shares.items(), key=lambda item: -item[1])
        return [(name, round(share, 4)) for name, share in best[:GUESSES]]

    def _shown_images(self, places: Iterable[int]) -> list[dict[str, Any]]:
        files = self._labelled.files
        return [{"id": place, "path": files[place].path.as_posix()} for place in map(int, places)]

    def _item(self, kind: str, places: Sequence[int], **more: object) -> dict[str, Any]:
        """Returns a question about images, as the page shows it."""
        shown, guesses = self._shown_images(places), self._guesses(places)
        return {"kind": kind, "images": shown, "guesses": guesses, **more}

    def _free(self, who: str) -> np.ndarray:
        """Tells which images may be shown to somebody, bool (N,)."""
        state, free = self._labelled.state(), np.ones(len(self._labelled.files), bool)
        free[[*state.places, *state.closed, *self.people.hidden(who)]] = False
        return free

    def next_image(self, who: str) -> dict[str, Any]:
        """Returns the image that somebody should label next."""
        if self._learning.learned is None:
            self._learning.try_to_learn(self._labelled)
        for attempt in range(2):
            with self._labelled.lock:
                free, learned = self._free(who), self._learning.learned
                batch = learned.batch if learned else []
                if chosen := [place for place in batch if free[place]][:1]:
                    self.people.lend(who, chosen)
                    return self._item("image", chosen)
                if not free.any():
                    return NONE
            if attempt == 0 and learned:
                self._learning.try_to_learn(self._labelled)
        with self._labelled.lock:  # all of the batch is skipped or shown to others
            left = np.flatnonzero(self._free(who))[:1]
            self.people.lend(who, left)
            return self._item("image", left.tolist()) if len(left) else NONE

    def next_group(self, who: str) -> dict[str, Any]:
        """Returns a group of images that look alike: of those without a label, the largest."""
        with self._labelled.lock:
            free, points = self._free(who), self._labelled.images.points
            if not free.any():
                return NONE
            self._groups = self._groups or divide(points)
            sizes = [int(free[group].sum()) for group in self._groups]
            number = max(range(len(sizes)), key=lambda n: (sizes[n] > 0, -self._shown[n], sizes[n]))
            self._shown[number] += 1
            some = self._groups[number][free[self._groups[number]]]
            central = some[clusters.central(points[some, : clusters.AXES])[:SHOWN]]
            self.people.lend(who, central)
            return self._item("group", central.tolist(), more=len(some) - len(central))

    def halves(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Returns the two halves of a group of two images or more."""
        some = np.array(places, int)
        points = self._labelled.images.points[some, : clusters.AXES]
        members = clusters.k_means(points, 2, SEED)
        if len(set(members.tolist())) < 2:  # copies of one image
            members[len(members) // 2 :] = 1 - members[0]
        with self._labelled.lock:
            parts = (some[members == part].tolist() for part in (0, 1))
            return [self._item("group", part, more=0) for part in parts]

    def open_findings(self) -> list[Finding]:
        """Returns the findings that nobody has decided on, most serious first."""
        return [one for one in self._findings if not self._labelled.is_decided(one)]

    def next_finding(self, who: str) -> dict[str, Any]:
        """Returns the most serious finding that nobody has decided on."""
        with self._labelled.lock:
            skipped = self.people[who].skipped
            for one in self.open_findings():
                if (place := self._labelled.places[Path(one.path)]) not in skipped:
                    return self._finding(one, place)
            return NONE

    def _finding(self, one: Finding, place: int) -> dict[str, Any]:
        names = [name for name, _ in self._guesses([place])]
        first = [name for name in (one.suggested, one.label) if name]
        order = [*first, *(name for name in names if name not in first)]
        other = self._labelled.places.get(Path(one.other))
        item = self._item("finding", [place], finding=one.finding, detail=one.detail)
        current = {
            "label": one.label,
            "other": self._shown_images([] if other is None else [other]),
        }
        return item | current | {"guesses": [(name, None) for name in order]}


def divide(points: np.ndarray) -> list[np.ndarray]:
    """Returns the images that look alike, group by group; each image is in one.

    Args:
        points: float32 (N, K), along the principal axes.
    """
    count = int(np.clip(round(1.5 * len(points) ** 0.5), 1, 200))
    members = clusters.k_means(clusters.directions(points), count, SEED)
    return [group for n in range(count) if len(group := np.flatnonzero(members == n))]
