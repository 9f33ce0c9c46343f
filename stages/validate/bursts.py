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
from stages.validate.collected import Collected
from stages.validate.external_sort import sorted_blocks

TAKEN = np.dtype([("camera", np.int32), ("seconds", np.float64), ("row", np.int32)])
BURST = np.dtype(np.int32)
WAITING = 1_000_000  # bytes


@dataclass(frozen=True)
class BurstGroups:
    """The bursts of two or more images.

    Attributes:
        numbers: of the burst, int32, of each row in one.
        cameras: int32 (G,), of each burst.
        seconds: float64 (G,), when the first image of each was taken.
        names: of all cameras.
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
        self._taken = Collected(scratch, TAKEN)

    def add(self, row: ImageRow, capture: Capture | None) -> None:
        """Adds the image of the next row, if it is a training image without a group."""
        if capture and self._gap and not row.group and row.split == "train":
            camera = self._cameras.setdefault(capture.camera, len(self._cameras))
            self._taken.append((camera, capture.seconds, self._rows))
        self._rows += 1

    def groups(self) -> BurstGroups:
        """Returns the bursts of all rows."""
        numbers = Records(self._scratch.file(), self._rows, BURST, WAITING)
        first, n_images, n_bursts = [np.zeros(0, TAKEN)], 0, 0
        for taken, sizes in self._runs():
            several = sizes > 1
            run = n_bursts + np.arange(np.count_nonzero(several), dtype=BURST)
            in_burst = np.repeat(several, sizes)
            numbers.append(taken["row"][in_burst], np.repeat(run, sizes[several]))
            first.append(taken[(np.cumsum(sizes) - sizes)[several]])
            n_images, n_bursts = n_images + int(in_burst.sum()), n_bursts + len(run)
        starts = np.concatenate(first)
        names = list(self._cameras)
        return BurstGroups(numbers, starts["camera"], starts["seconds"], names, n_images)

    def _runs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields images in the order of cameras and times, and the sizes of the runs in them.

        Between the images of a run there are no more seconds than the gap.
        """
        held = np.zeros(0, TAKEN)  # the last run, as the next block may go on with it
        for block in sorted_blocks(self._taken.rows(), ("camera", "seconds")):
            taken = np.concatenate([held, block])
            is_first = np.append(True, np.diff(taken["seconds"]) > self._gap)[: len(taken)]
            is_first[1:] |= np.diff(taken["camera"]) != 0
            starts = np.flatnonzero(is_first)
            end = starts[-1] if len(starts) else 0
            held = taken[end:]
            if end:
                yield taken[:end], np.diff(starts)
        if len(held):
            yield held, np.array([len(held)])
