"""The trained classifier: from image files to class probabilities."""

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

BATCH_SIZE = 4  # images per call of the network


@dataclass(frozen=True)
class Prediction:
    """The prediction for an image.

    Attributes:
        image: the image.
        probabilities: float64 (C,), or None if the image could not be read.
        features: of the image itself, float32 (D,) or (h, w, c), or None likewise.
    """

    image: LoadedImage
    probabilities: np.ndarray | None = None
    features: np.ndarray | None = None


class Classifier:
    """The frozen network and the head, as `dvc repro` wrote them.

    Args:
        base_folder: models/base.
        head_folder: models/head.
        limits: on each image.

    Attributes:
        class_names: in the order of the probabilities.
        warning: to add to a line of output; empty unless the weights are random.

    Raises:
        StageError: a model is missing, or the head was trained on other features.
    """

    def __init__(self, base_folder: Path, head_folder: Path, limits: Limits) -> None:
        infos = (base_folder / base.INFO, head_folder / head.INFO)
        if missing := [path.as_posix() for path in infos if not path.exists()]:
            raise StageError(
                f"{' and '.join(missing)}: there is no trained classifier here; run `dvc repro`, "
                "or `dvc pull` to get one from the DVC remote"
            )
        self._base, self._head = base.read_info(base_folder), head.read(head_folder)
        info, runtime = self._head.info, engine.runtime(self._base.engine)
        if info.fingerprint != fingerprint.of_features(base.files_hash(base_folder), runtime):
            raise StageError(
                f"{head_folder.as_posix()}: was trained on features of another network than "
                f"{base_folder.as_posix()}, or with other library versions; run `dvc repro`"
            )
        self.class_names, self.warning = info.class_names, info.warning
        self._views = info.tta_views
        self._ranges = augmentation.from_id(info.augmentation_id) if info.augmentation_id else None
        self._engine, self._limits = engine.load(base_folder), limits

    def predict(self, sources: Iterable[ImageSource]) -> Iterator[Prediction]:
        """Yields the prediction for each image, in order.

        Images are decoded while the network runs; only a few batches are in memory.
        """
        threads, workers = self._engine.concurrency, cpu_count() or 1
        load = partial(
            inputs.load,
            height=self._base.image_height,
            width=self._base.image_width,
            limits=self._limits,
        )
        images = parallel.prefetch_map(load, sources, workers, 2 * threads * BATCH_SIZE + workers)
        batches = parallel.batched(images, BATCH_SIZE)
        for batch in parallel.prefetch_map(self._predict_batch, batches, threads, 2 * threads):
            yield from batch

    def _predict_batch(self, images: list[LoadedImage]) -> list[Prediction]:
        views = [view for image in images for view in self._augment(image)]
        if not views:
            return [Prediction(image) for image in images]
        features, per_image = self._engine.features(np.stack(views)), len(self._views)
        by_view = self._head.probabilities(features)  # (N * V, C)
        means = by_view.reshape(-1, per_image, by_view.shape[1]).mean(axis=1)  # (N, C)
        results = iter(zip(means, features[::per_image], strict=True))
        return [
            Prediction(image, *(() if image.pixels is None else next(results))) for image in images
        ]

    def _augment(self, image: LoadedImage) -> Iterator[Pixels]:
        """Yields the views of an image; none if it could not be read."""
        if image.pixels is not None:
            for number in self._views:
                yield augmentation.augmented(image.pixels, image.sha256, number, self._ranges)
