"""The classifier as `dvc repro` left it: from pixels to the probabilities of the classes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from pathlib import Path

import numpy as np

from stages import base, engine, head, params, pictures, progress, views
from stages.averaging import Averaging
from stages.errors import StageError
from stages.images import Pixels
from stages.limits import Limits
from stages.pictures import Given, Read
from stages.views import Alterations

SIZE = 4  # pictures in a call of the network


@dataclass(frozen=True)
class Judged:
    """A picture, and what the classifier makes of it.

    Attributes:
        read: the picture.
        probabilities: float64 (C,), or None where it could not be read.
        features: of the picture itself, float32 (D,) or (h, w, c); or None likewise.
    """

    read: Read
    probabilities: np.ndarray | None = None
    features: np.ndarray | None = None


class Classifier:
    """Frozen network and head.

    Args:
        base_folder: models/base.
        head_folder: models/head.
        limits: what a picture may cost.

    Attributes:
        class_names: in the order of the probabilities.
        warning: what a line of output has to add where the weights know nothing.

    Raises:
        StageError: one of them is missing, or they do not belong together.
    """

    def __init__(self, base_folder: Path, head_folder: Path, limits: Limits) -> None:
        lacking = [
            place.as_posix()
            for place in (base_folder / base.ABOUT, head_folder / head.ABOUT)
            if not place.exists()
        ]
        if lacking:
            raise StageError(
                f"{' and '.join(lacking)}: there is no trained classifier here; run `dvc repro`, "
                "or `dvc pull` if a colleague has"
            )
        self._about, self._head = base.read_about(base_folder), head.read(head_folder)
        if self._head.about.fingerprint != engine.fingerprint(base_folder):
            raise StageError(
                f"{head_folder.as_posix()}: was trained on features of another network than "
                f"{base_folder.as_posix()}, or by other versions; run `dvc repro`"
            )
        self.class_names, self.warning = self._head.about.class_names, self._head.about.warning
        self._views = params.load("predict", Averaging, whole=False).numbers()
        self._alterations = params.load("extract", Alterations, whole=False)
        self._engine, self._limits = engine.load(base_folder), limits

    def judge(self, asked: Iterable[Given]) -> Iterator[Judged]:
        """Yields each picture with its class probabilities, in order.

        Decoding and the network work at once, and no more is in memory than both need.
        """
        calls, workers = 2 * self._engine.requests, cpu_count() or 1
        height, width = self._about.image_height, self._about.image_width
        read = partial(pictures.read, height=height, width=width, limits=self._limits)
        decoded = progress.ahead(read, asked, workers, calls * SIZE + workers)
        groups = progress.groups(decoded, SIZE)
        for group in progress.ahead(self._judged, groups, self._engine.requests, calls):
            yield from group

    def _judged(self, group: list[Read]) -> list[Judged]:
        shown = [view for one in group if one.pixels is not None for view in self._of(one)]
        if not shown:
            return [Judged(one) for one in group]
        features, several = self._engine.features(np.stack(shown)), len(self._views)
        each = self._head.probabilities(features)
        means = each.reshape(-1, several, each.shape[1]).mean(axis=1)
        found = iter(zip(means, features[::several], strict=True))
        return [Judged(one, *(() if one.pixels is None else next(found))) for one in group]

    def _of(self, one: Read) -> Iterator[Pixels]:
        """Yields the views over which a picture's probabilities are averaged."""
        assert one.pixels is not None
        for number in self._views:
            yield views.altered(one.pixels, one.sha256, number, self._alterations)
