"""What each person has done, skipped and is shown, as long as the page is served."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from classifier.dataset.label_list import ListedImage

MAX_PEOPLE = 1000  # whose actions are remembered
LENT_SECONDS = 300.0  # for which an image is shown to one person alone


@dataclass
class Person:
    """What somebody has done and does not want to see."""

    done: list[list[tuple[int, ListedImage | None]]] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)


class People:
    """The people, by the names that their pages gave themselves."""

    def __init__(self) -> None:
        self._people = defaultdict[str, Person](Person)
        self._lent: dict[int, tuple[str, float]] = {}

    def __getitem__(self, who: str) -> Person:
        """Returns what is known of somebody."""
        if len(self._people) >= MAX_PEOPLE and who not in self._people:
            self._people.clear()
        return self._people[who]

    def lend(self, who: str, places: Iterable[int]) -> None:
        """Notes that somebody is shown these images, and no others any more."""
        self._lent = {place: lent for place, lent in self._lent.items() if lent[0] != who}
        self._lent |= dict.fromkeys(map(int, places), (who, time.monotonic()))

    def hidden(self, who: str) -> set[int]:
        """Returns the images that others are shown, or that this person has skipped."""
        oldest = time.monotonic() - LENT_SECONDS
        self._lent = {place: lent for place, lent in self._lent.items() if lent[1] >= oldest}
        others = {place for place, (whose, _) in self._lent.items() if whose != who}
        return others | self[who].skipped
