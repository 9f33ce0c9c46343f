"""Groups of images that one camera took shortly after each other."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from classifier.dataset.groups import EXIF
from classifier.dataset.manifest import ImageRow
from classifier.images.capture import Capture


class Bursts:
    """Collects when images were taken.

    Args:
        gap: seconds to the next image of a burst, at most; 0: there are no bursts.
    """

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self._taken: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)

    def add(self, number: int, row: ImageRow, capture: Capture | None) -> None:
        """Adds the image of a row, if it is a training image without a group."""
        if capture and self.gap and not row.group and row.split == "train":
            self._taken[capture.camera].append((capture.seconds, number))

    def groups(self) -> dict[int, str]:
        """Returns the group of each image of a burst of two or more, by the number of its row."""
        return {
            number: _name(burst[0][0], camera)
            for camera, taken in self._taken.items()
            for burst in _chains(sorted(taken), self.gap)
            if len(burst) > 1
            for _, number in burst
        }


def _chains(taken: list[tuple[float, int]], gap: int) -> Iterator[list[tuple[float, int]]]:
    """Yields the runs of ascending times in which each is at most `gap` after the one before."""
    first = 0
    for place in range(1, len(taken) + 1):
        if place == len(taken) or taken[place][0] - taken[place - 1][0] > gap:
            yield taken[first:place]
            first = place


def _name(seconds: float, camera: str) -> str:
    time = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{EXIF}{time.isoformat(' ', 'seconds')} {camera}".strip()
