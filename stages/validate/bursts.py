"""Groups of images that one camera took shortly after each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from classifier.common.records import Records
from classifier.common.scratch import Scratch
from classifier.dataset.groups import EXIF
from classifier.dataset.manifest import ImageRow
from classifier.images.capture import Capture
from stages.validate.external_sort import KEYED, sorted_parts
from stages.validate.record_file import RecordFile

BURST = np.dtype(np.int32)
WAITING = 1_000_000  # bytes


@dataclass(frozen=True)
class BurstGroups:
    """The bursts of two or more images.

    Attributes:
        numbers: the burst of each row that is in one, int32.
        cameras: int32 (G,), index into `names`.
        seconds: float64 (G,), when the first image of each was taken.
        names: of the cameras, in the order in which they were first seen.
        n_images: number of images in all bursts.
    """

    numbers: Records
    cameras: np.ndarray
    seconds: np.ndarray
    names: list[str]
    n_images: int

    def __len__(self) -> int:
        """Returns G."""
        return len(self.cameras)

    def of_rows(self) -> Iterator[str]:
        """Yields the group of each row; empty if it is in no burst."""
        for rows, places, found in self.numbers:
            numbers = np.full(rows.stop - rows.start, -1, BURST)
            numbers[places] = found
            yield from ("" if number < 0 else self._name(number) for number in numbers.tolist())

    def _name(self, number: int) -> str:
        time = datetime(1970, 1, 1) + timedelta(seconds=float(self.seconds[number]))
        camera = self.names[self.cameras[number]]
        return f"{EXIF}{time.isoformat(' ', 'seconds')} {camera}".strip()


class Bursts:
    """Collects when images were taken.

    Args:
        gap: seconds to the next image of a burst, at most; 0: there are no bursts.
        scratch: for the times of all images.
    """

    def __init__(self, gap: int, scratch: Scratch) -> None:
        self._gap = min(gap, 2**53)  # NumPy compares no larger numbers
        self._scratch, self._rows = scratch, 0
        self._cameras = dict[str, int]()
        self._taken = RecordFile(scratch, KEYED)  # of cameras and seconds

    def add(self, row: ImageRow, capture: Capture | None) -> None:
        """Adds the image of the next row, if it is a training image without a group."""
        if capture and self._gap and not row.group and row.split == "train":
            camera = self._cameras.setdefault(capture.camera, len(self._cameras))
            self._taken.append((camera, capture.seconds, self._rows))
        self._rows += 1

    def groups(self) -> BurstGroups:
        """Returns the bursts of all rows."""
        numbers = Records(self._scratch.file(), self._rows, BURST, WAITING)
        cameras, seconds = [np.zeros(0, BURST)], [np.zeros(0)]
        n_images = n_bursts = 0
        for taken, in_burst, is_first in self._linked():
            burst = np.cumsum(is_first, dtype=BURST) + BURST.type(n_bursts - 1)
            numbers.append(taken["row"][in_burst], burst[in_burst])
            cameras.append(taken["number"][is_first])
            seconds.append(taken["value"][is_first])
            n_images, n_bursts = n_images + int(in_burst.sum()), n_bursts + int(is_first.sum())
        names = list(self._cameras)
        return BurstGroups(
            numbers, np.concatenate(cameras), np.concatenate(seconds), names, n_images
        )

    def _linked(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields images by camera and time, which are in a burst, and which are the first of one.

        An image is held back until the next one is known, which may be of its burst.
        """
        held, goes_on = np.zeros(0, KEYED), False
        for part in sorted_parts(self._taken.rows(), self._scratch):
            taken = np.concatenate([held, part])
            is_near = np.diff(taken["value"]) <= self._gap
            links = is_near & (np.diff(taken["number"]) == 0)  # to the next one
            before = np.append(goes_on, links)[: len(links)]
            yield taken[:-1], links | before, links & ~before
            held = taken[-1:]
            if len(links):
                goes_on = bool(links[-1])
        yield held, np.full(len(held), goes_on), np.zeros(len(held), bool)
