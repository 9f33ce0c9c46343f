"""Groups of images that one camera took shortly after each other."""

from array import array
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from classifier.dataset import orders
from classifier.dataset.groups import EXIF
from classifier.dataset.manifest import ImageRow
from classifier.images.capture import Capture


@dataclass(frozen=True)
class BurstGroups:
    """The bursts of two or more images.

    Attributes:
        numbers: int32 (N,), the burst of each row; -1: none.
        seconds: float64 (G,), when the first image of each was taken.
        cameras: G cameras.
    """

    numbers: np.ndarray
    seconds: np.ndarray
    cameras: list[str]

    @property
    def n_images(self) -> int:
        """Returns the number of images in all bursts."""
        return int((self.numbers >= 0).sum())

    def __len__(self) -> int:
        """Returns G."""
        return len(self.cameras)

    def name(self, row: int) -> str:
        """Returns the group of a row; empty if it is in no burst."""
        if (number := self.numbers[row]) < 0:
            return ""
        time = datetime(1970, 1, 1) + timedelta(seconds=float(self.seconds[number]))
        return f"{EXIF}{time.isoformat(' ', 'seconds')} {self.cameras[number]}".strip()


class Bursts:
    """Collects when images were taken.

    Args:
        gap: seconds to the next image of a burst, at most; 0: there are no bursts.
    """

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self._rows = 0
        self._taken: defaultdict[str, tuple[array[float], array[int]]] = defaultdict(
            lambda: (array("d"), array("i"))
        )

    def add(self, row: ImageRow, capture: Capture | None) -> None:
        """Adds the image of the next row, if it is a training image without a group."""
        if capture and self.gap and not row.group and row.split == "train":
            seconds, rows = self._taken[capture.camera]
            seconds.append(capture.seconds)
            rows.append(self._rows)
        self._rows += 1

    def groups(self) -> BurstGroups:
        """Returns the bursts of all rows."""
        numbers = np.full(self._rows, -1, np.int32)
        starts, cameras = [np.zeros(0)], list[str]()
        gap = min(self.gap, 2**53)  # NumPy compares no larger numbers
        for camera, (taken, rows) in self._taken.items():
            order = np.argsort(np.frombuffer(taken), kind="stable").astype(np.int32)
            seconds = np.frombuffer(taken)[order]
            first = np.diff(seconds, prepend=-np.inf) > gap  # of a run
            sizes = np.diff(orders.true_places(np.append(first, True)))
            several = sizes > 1
            run = np.cumsum(several, dtype=np.int32)
            run += np.int32(len(cameras) - 1)
            run[~several] = -1
            starts.append(seconds[first][several])
            del seconds, first
            numbers[np.frombuffer(rows, np.intc)[order]] = np.repeat(run, sizes)
            cameras += [camera] * int(several.sum())
        return BurstGroups(numbers, np.concatenate(starts), cameras)
