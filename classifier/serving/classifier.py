"""The trained classifier: from image files to class probabilities."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from classifier.common import cores, parallel
from classifier.evaluation import predictions
from classifier.images import augmentation, conversion
from classifier.images.limits import Limits
from classifier.serving.inputs import ImageSource, LoadedImage
from classifier.serving.loader import ImageLoader
from classifier.serving.models import Model

BATCH_SIZE = 4  # images per call of the network


@dataclass(frozen=True)
class Prediction:
    """The prediction for an image; None where the image could not be read."""

    image: LoadedImage
    probabilities: np.ndarray | None = None  # float64 (C,)
    novelty: float = np.nan  # how unlike the training images it is
    features: np.ndarray | None = None  # of the image itself, float32 (D,) or (h, w, c)


class Classifier:
    """A model, and processes that load images for it.

    Args:
        model: that predicts.
        limits: on each image.

    Attributes:
        info: on its head: class names in the order of the probabilities, ...
        loader: of images; close it at the end.
    """

    def __init__(self, model: Model, limits: Limits) -> None:
        self.model, self.info = model, model.info
        self.loader = ImageLoader(
            *model.image_size, limits, conversion.ranges(self.info.grey_ranges)
        )
        identity = self.info.augmentation_id
        self._ranges = augmentation.from_id(identity) if identity else None
        self._threads = ThreadPoolExecutor(model.concurrency)

    def row(self, prediction: Prediction, top_k: int) -> list[object]:
        """Returns the row of results/predictions.csv for an image, with `top_k` classes."""
        image = prediction.image
        if prediction.probabilities is None:
            return predictions.unreadable_row(image.path, image.problem, top_k)
        known = prediction.probabilities, prediction.novelty, self.info.class_names
        return predictions.prediction_row(image.path, *known, top_k, self.model.decision)

    def predict(self, sources: Iterable[ImageSource]) -> Iterator[Prediction]:
        """Yields the prediction for each image, in order.

        Images are decoded while the network runs; only a few batches are in memory.
        """
        threads, workers = self.model.concurrency, 2 * cores.count()
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
        features, per_image = self.model.features(np.stack(views)), len(self.info.tta_views)
        by_view = np.column_stack(self.model.outputs(features))  # (N * V, C + 1)
        means = by_view.reshape(-1, per_image, by_view.shape[1]).mean(axis=1)  # (N, C + 1)
        results = iter(zip(means[:, :-1], means[:, -1], features[::per_image], strict=True))
        return [Prediction(image, *(next(results) if image.decoded else ())) for image in images]
