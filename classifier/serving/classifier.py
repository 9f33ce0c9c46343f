"""The trained classifier: from image files to class probabilities."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from classifier import head
from classifier.cache import fingerprint
from classifier.common import cores, parallel
from classifier.common.errors import StageError
from classifier.evaluation.predictions import Decision, Params
from classifier.images import augmentation, conversion
from classifier.images.limits import Limits
from classifier.inference import base, engine
from classifier.serving.inputs import ImageSource, LoadedImage
from classifier.serving.loader import ImageLoader

BATCH_SIZE = 4  # images per call of the network
MODEL = (base.FOLDER, head.FOLDER)


@dataclass(frozen=True)
class Prediction:
    """The prediction for an image; None where the image could not be read."""

    image: LoadedImage
    probabilities: np.ndarray | None = None  # float64 (C,)
    novelty: float = np.nan  # how unlike the training images it is
    features: np.ndarray | None = None  # of the image itself, float32 (D,) or (h, w, c)


class Classifier:
    """The frozen network and the head, as `dvc repro` wrote them to models/.

    All of it is in memory, so it stays the same when the files are replaced.

    Args:
        limits: on each image.

    Attributes:
        info: on the head: class names in the order of the probabilities, ...
        loader: of images; close it at the end.

    Raises:
        StageError: a model is missing, or the head was trained on other features.
    """

    def __init__(self, limits: Limits) -> None:
        infos = (base.FOLDER / base.INFO, head.FOLDER / head.INFO)
        if missing := [path.as_posix() for path in infos if not path.exists()]:
            raise StageError(
                f"{' and '.join(missing)}: there is no trained classifier here; run `dvc repro`, "
                "or `dvc pull` to get one from the DVC remote"
            )
        network = base.read_info(base.FOLDER)
        self._head, runtime = head.read(head.FOLDER), engine.runtime(network.engine)
        self.info = self._head.info
        size, ranges = (network.image_height, network.image_width), self.info.grey_ranges
        self.loader = ImageLoader(*size, limits, conversion.ranges(ranges))
        if self.info.fingerprint != fingerprint.of_features(base.files_hash(base.FOLDER), runtime):
            raise StageError(
                f"{head.FOLDER.as_posix()}: was trained on features of another network than "
                f"{base.FOLDER.as_posix()}, or with other library versions; run `dvc repro`"
            )
        identity = self.info.augmentation_id
        self._ranges = augmentation.from_id(identity) if identity else None
        self._engine = engine.load(base.FOLDER)
        blank = np.zeros((1, *network.feature_shape), network.dtype)
        self._head.probabilities(blank)  # loads fine-tuned blocks, which come from a file
        self._threads = ThreadPoolExecutor(self._engine.concurrency)

    def decision(self, settings: Params) -> Decision:
        """Returns which images are predicted to be of no class, with section `predict`."""
        return Decision(self._head.novelty_threshold(settings.keep), settings.min_probability)

    def predict(self, sources: Iterable[ImageSource]) -> Iterator[Prediction]:
        """Yields the prediction for each image, in order.

        Images are decoded while the network runs; only a few batches are in memory.
        """
        threads, workers = self._engine.concurrency, 2 * cores.count()
        ahead = 2 * threads * BATCH_SIZE + workers
        images = parallel.prefetch_map(self.loader.load, sources, workers, ahead)
        batches = parallel.batched(images, BATCH_SIZE)
        for batch in parallel.prefetch_map(self.predict_batch, batches, threads, 2 * threads):
            yield from batch

    def predict_batch(self, images: list[LoadedImage]) -> list[Prediction]:
        """Returns the prediction for each image; waits until the network is free."""
        return self._threads.submit(self._predict_batch, images).result()

    def _predict_batch(self, images: list[LoadedImage]) -> list[Prediction]:
        views = [
            augmentation.augmented(image.decoded.pixels, image.sha256, number, self._ranges)
            for image in images
            if image.decoded
            for number in self.info.tta_views
        ]
        if not views:
            return [Prediction(image) for image in images]
        features, per_image = self._engine.features(np.stack(views)), len(self.info.tta_views)
        by_view = np.column_stack(self._head.outputs(features))  # (N * V, C + 1)
        means = by_view.reshape(-1, per_image, by_view.shape[1]).mean(axis=1)  # (N, C + 1)
        results = iter(zip(means[:, :-1], means[:, -1], features[::per_image], strict=True))
        return [Prediction(image, *(next(results) if image.decoded else ())) for image in images]
