"""Classifies uploaded images and finds similar training images, for the web page."""

import threading
from collections.abc import Iterable
from pathlib import Path

from classifier import head
from classifier.dataset import features
from classifier.evaluation import predictions
from classifier.html import thumbnails
from classifier.images import decode
from classifier.images.limits import Limits
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import ImageSource
from classifier.serving.similar_images import SimilarImages
from classifier.serving.web_page import Result, Thumbnail

SIMILAR = 6  # training images shown with each result


class ClassifierService:
    """Handles one request at a time, each with all cores.

    Args:
        classifier: predicts the classes.
        similar_images: finds similar training images; None if their features are not available.
        limits: on each image.
        top_k: number of classes in each result.
    """

    def __init__(
        self,
        classifier: Classifier,
        similar_images: SimilarImages | None,
        limits: Limits,
        top_k: int,
    ) -> None:
        self._classifier, self._similar_images = classifier, similar_images
        self._limits, self._top_k = limits, top_k
        self._lock = threading.Lock()

    def classify(self, sources: Iterable[ImageSource]) -> list[Result]:
        """Returns the result for each image, in order."""
        with self._lock:
            return [self._result(prediction) for prediction in self._classifier.predict(sources)]

    def _result(self, prediction: Prediction) -> Result:
        image, probabilities = prediction.image, prediction.probabilities
        if probabilities is None or prediction.features is None or image.pixels is None:
            return Result(image.path, problem=image.detail)
        names = self._classifier.class_names
        (order,) = predictions.top_classes(probabilities[None], self._top_k)
        similar = (
            self._similar_images.nearest(prediction.features, SIMILAR)
            if self._similar_images
            else []
        )
        return Result(
            image.path,
            thumbnails.from_pixels(image.pixels, image.width, image.height),
            probabilities=[(names[k], float(probabilities[k])) for k in order],
            similar=[Thumbnail(i.path, i.label, self._thumbnail(i.path)) for i in similar],
        )

    def _thumbnail(self, path: str) -> str:
        """Returns the thumbnail of a training image; empty if it is not there any more."""
        side = thumbnails.SIDE
        try:
            with Path(path).open("rb") as file:
                image = decode.decode_image(file, side, side, self._limits.pixels)
        except (OSError, decode.ImageError):
            return ""
        return thumbnails.from_pixels(image.pixels, image.width, image.height)


def load_similar_images(train: Path, head_folder: Path) -> SimilarImages | None:
    """Returns the training images to search, or None unless the head was trained on them.

    Args:
        train: results/features_train.npz.
        head_folder: models/head.
    """
    if not train.exists():
        return None
    table = features.read(train)
    if str(table.fingerprint) != head.read_info(head_folder).fingerprint:
        return None
    return SimilarImages(table)
