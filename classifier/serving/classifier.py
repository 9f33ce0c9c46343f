"""The trained classifier: from image files to class probabilities."""

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from classifier.common import cores, parallel
from classifier.evaluation import predictions
from classifier.images import augmentation, conversion
from classifier.images.decode import ImageError
from classifier.images.limits import Limits
from classifier.serving import downloads, inputs
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
        memory: bytes that decoding an image may take, about.

    Attributes:
        info: on its head: class names in the order of the probabilities, ...
        limits: on each image.
        loader: of images.
    """

    def __init__(self, model: Model, limits: Limits, memory: float = math.inf) -> None:
        self.model, self.info, self.limits = model, model.info, limits
        self.loader = ImageLoader(
            *model.image_size, limits, conversion.ranges(self.info.grey_ranges), memory
        )
        identity = self.info.augmentation_id
        self._ranges = augmentation.from_id(identity) if identity else None
        self._threads = ThreadPoolExecutor(model.concurrency)

    def row(self, prediction: Prediction, top_k: int) -> list[object]:
        """Returns the row of results/predictions.csv for an image, with `top_k` classes."""
        image = prediction.image
        if prediction.probabilities is None:
            return predictions.unreadable_row(image.path, image.problem, top_k)
        (classes,) = predictions.top_classes(prediction.probabilities[None], top_k)
        return predictions.prediction_row(
            image.path,
            classes.tolist(),
            prediction.probabilities[classes].tolist(),
            prediction.novelty,
            self.info.class_names,
            self.model.decision,
        )

    def close(self) -> None:
        """Ends the processes."""
        self.loader.close()

    def load(self, source: ImageSource, patience: float | None = None) -> LoadedImage:
        """Returns an image, downloaded if it is an address; see `ImageLoader.load`."""
        if source.file or not downloads.is_address(source.path):
            return self.loader.load(source, patience)
        with TemporaryDirectory() as folder:
            path = Path(folder, "image")
            try:
                downloads.download(source.path, path, self.limits.size)
            except ImageError as error:
                return inputs.failed(source, error)
            return self.loader.load(ImageSource(source.path, path))

    def predict(self, sources: Iterable[ImageSource]) -> Generator[Prediction, None, None]:
        """Yields the prediction for each image, in order.

        Images are decoded while the network runs; only a few batches are in memory.
        """
        threads, workers = self.model.concurrency, 2 * cores.count()
        ahead = 2 * threads * BATCH_SIZE + workers
        images = parallel.prefetch_map(self.load, sources, workers, ahead)
        batches = parallel.batched(images, BATCH_SIZE)
        for batch in parallel.prefetch_map(self.predict_batch, batches, threads, 2 * threads):
            yield from batch

    def predict_batch(self, images: Sequence[LoadedImage]) -> list[Prediction]:
        """Returns the prediction for each image; waits until the network is free."""
        decoded = [image for image in images if image.decoded]
        features = self.features(decoded) if decoded else None
        return list(self.predictions(images, features))

    def features(self, images: Sequence[LoadedImage]) -> np.ndarray:
        """Returns the features of the views of images, (N, V, *feature_shape); as `predict_batch`.

        Args:
            images: N of them, decoded.
        """
        views = [
            augmentation.augmented(image.decoded.pixels, image.sha256, number, self._ranges)
            for image in images
            if image.decoded
            for number in self.info.tta_views
        ]
        flat = self._threads.submit(self.model.features, np.stack(views)).result()
        return flat.reshape(len(images), len(self.info.tta_views), *flat.shape[1:])

    def predictions(
        self, images: Sequence[LoadedImage], features: np.ndarray | None
    ) -> Iterator[Prediction]:
        """Yields the prediction for each image, averaged over its views.

        Args:
            images: loaded.
            features: (n, V, *feature_shape) of the n images without a problem; None: of none.
        """
        if features is None:
            yield from map(Prediction, images)
            return
        flat = features.reshape(-1, *features.shape[2:])
        outputs = np.column_stack(self.model.outputs(flat))  # (n * V, C + 1)
        means = outputs.reshape(*features.shape[:2], -1).mean(axis=1)  # (n, C + 1)
        results = zip(means[:, :-1], means[:, -1].tolist(), features[:, 0], strict=True)
        for image in images:
            yield Prediction(image, *(() if image.problem else next(results)))
