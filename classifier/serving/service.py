"""Classifies uploaded images and finds similar training images, for the web page."""

import threading
from collections.abc import Iterable
from pathlib import Path

from classifier.common import params
from classifier.common.errors import count
from classifier.evaluation import predictions
from classifier.html import thumbnails
from classifier.html.markup import Markup, join
from classifier.images import decode
from classifier.serving import similar_images, web_page
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import ImageSource

NAMES = 30  # class names in the description
SIMILAR = 6  # training images shown with each result


class ClassifierService:
    """The trained classifier of the project; handles one request at a time, with all cores.

    Attributes:
        info: on its head.
    """

    def __init__(self) -> None:
        self._top_k = params.load("predict", predictions.TopKParams, partial=True).top_k
        self._classifier = Classifier()
        self.info = self._classifier.info
        self._similar_images = similar_images.load(self.info.fingerprint)
        self._lock = threading.Lock()

    def description(self) -> str:
        """Returns the description of the classifier on the page."""
        names = self.info.class_names
        listed = ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")
        text = f"Predicts one of {count(len(names), 'class', 'classes')} for each image: {listed}."
        if not self._similar_images:
            text += " Similar images are not shown: results/features_train.npz is missing."
        return text

    def cards(self, sources: Iterable[ImageSource]) -> Markup:
        """Returns a card of the web page for each image, in order."""
        with self._lock:
            return join(map(self._card, self._classifier.predict(sources)))

    def _card(self, prediction: Prediction) -> Markup:
        image, probabilities = prediction.image, prediction.probabilities
        if not image.decoded or probabilities is None or prediction.features is None:
            return web_page.problem_card(image.path, image.detail)
        names, similar = self.info.class_names, []
        (order,) = predictions.top_classes(probabilities[None], self._top_k)
        if self._similar_images:
            similar = self._similar_images.nearest(prediction.features, SIMILAR)
        return web_page.card(
            image.path,
            thumbnails.data_uri(image.decoded),
            [(names[k], float(probabilities[k])) for k in order],
            [(path, label, self._thumbnail(path)) for path, label in similar],
        )

    def _thumbnail(self, path: str) -> str:
        """Returns the thumbnail of a training image; empty if it is not there any more."""
        side, max_pixels = thumbnails.SIDE, self._classifier.limits.pixels
        try:
            with Path(path).open("rb") as file:
                return thumbnails.data_uri(decode.decode_image(file, side, side, max_pixels))
        except (OSError, decode.ImageError):
            return ""
