"""The classifier as `dvc repro` left it: from pixels to the probabilities of the classes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from pathlib import Path

import numpy as np

from classifier import head
from classifier.cache import fingerprint
from classifier.common import parallel
from classifier.common.errors import StageError
from classifier.images import augmentation
from classifier.images.decode import Pixels
from classifier.images.limits import Limits
from classifier.inference import base, engine
from classifier.serving import inputs
from classifier.serving.inputs import ImageSource, LoadedImage

SIZE = 4  # images in a call of the network


@dataclass(frozen=True)
class Prediction:
    """An image, and what the classifier makes of it.

    Attributes:
        read: the image.
        probabilities: float64 (C,), or None where it could not be read.
        features: of the image itself, float32 (D,) or (h, w, c); or None likewise.
    """

    read: LoadedImage
    probabilities: np.ndarray | None = None
    features: np.ndarray | None = None


class Classifier:
    """Frozen network and head.

    Args:
        base_folder: models/base.
        head_folder: models/head.
        limits: what an image may cost.

    Attributes:
        class_names: in the order of the probabilities.
        warning: what a line of output has to add where the weights know nothing.

    Raises:
        StageError: one of them is missing, or they do not belong together.
    """

    def __init__(self, base_folder: Path, head_folder: Path, limits: Limits) -> None:
        lacking = [
            place.as_posix()
            for place in (base_folder / base.INFO, head_folder / head.INFO)
            if not place.exists()
        ]
        if lacking:
            raise StageError(
                f"{' and '.join(lacking)}: there is no trained classifier here; run `dvc repro`, "
                "or `dvc pull` if a colleague has"
            )
        self._about, self._head = base.read_info(base_folder), head.read(head_folder)
        runtime = engine.runtime(self._about.engine)
        if self._head.info.fingerprint != fingerprint.of_features(
            base.files_hash(base_folder), runtime
        ):
            raise StageError(
                f"{head_folder.as_posix()}: was trained on features of another network than "
                f"{base_folder.as_posix()}, or by other versions; run `dvc repro`"
            )
        info = self._head.info
        self.class_names, self.warning = info.class_names, info.warning
        self._views = info.tta_views
        self._ranges = augmentation.from_id(info.augmentation_id) if info.augmentation_id else None
        self._engine, self._limits = engine.load(base_folder), limits

    def predict(self, asked: Iterable[ImageSource]) -> Iterator[Prediction]:
        """Yields each image with its class probabilities, in order.

        Decoding and the network work at once, and no more is in memory than both need.
        """
        calls, workers = 2 * self._engine.concurrency, cpu_count() or 1
        height, width = self._about.image_height, self._about.image_width
        read = partial(inputs.read, height=height, width=width, limits=self._limits)
        decoded = parallel.prefetch_map(read, asked, workers, calls * SIZE + workers)
        groups = parallel.batched(decoded, SIZE)
        for group in parallel.prefetch_map(self._judged, groups, self._engine.concurrency, calls):
            yield from group

    def _judged(self, group: list[LoadedImage]) -> list[Prediction]:
        shown = [view for one in group if one.pixels is not None for view in self._of(one)]
        if not shown:
            return [Prediction(one) for one in group]
        features, several = self._engine.features(np.stack(shown)), len(self._views)
        each = self._head.probabilities(features)
        means = each.reshape(-1, several, each.shape[1]).mean(axis=1)
        found = iter(zip(means, features[::several], strict=True))
        return [Prediction(one, *(() if one.pixels is None else next(found))) for one in group]

    def _of(self, one: LoadedImage) -> Iterator[Pixels]:
        """Yields the views over which an image's probabilities are averaged."""
        assert one.pixels is not None
        for number in self._views:
            yield augmentation.augmented(one.pixels, one.sha256, number, self._ranges)
