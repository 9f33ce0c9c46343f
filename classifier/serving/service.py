"""Answers about images that are sent in: their classes, and what they look like."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from classifier import head
from classifier.dataset import features
from classifier.evaluation import predictions
from classifier.html import thumbnails
from classifier.images import decode
from classifier.images.limits import Limits
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import ImageSource
from classifier.serving.similar_images import SimilarImage, SimilarImages
from classifier.serving.web_page import Answer, Like

LIKE = 6  # training images shown beside each


class ClassifierService:
    """Answers one request after the other, each with all of the machine.

    Args:
        classifier: that names the classes.
        resemblance: to training images; None where their features are not at hand.
        limits: what an image may cost.
        top_k: classes said of an image.
    """

    def __init__(
        self,
        classifier: Classifier,
        similar_images_of: SimilarImages | None,
        limits: Limits,
        top_k: int,
    ) -> None:
        self._classifier, self._resemblance = classifier, similar_images_of
        self._limits, self._top_k = limits, top_k
        self._turn = threading.Lock()

    def answers(self, given: Iterable[ImageSource]) -> list[Answer]:
        """Returns what is said about images, in their order."""
        with self._turn:
            return [self._answer(one) for one in self._classifier.predict(given)]

    def _answer(self, judged: Prediction) -> Answer:
        read = judged.read
        if judged.probabilities is None or judged.features is None or read.pixels is None:
            return Answer(read.path, problem=read.detail)
        names = self._classifier.class_names
        (order,) = predictions.top_classes(judged.probabilities[None], self._top_k)
        near = self._resemblance.nearest(judged.features, LIKE) if self._resemblance else []
        return Answer(
            read.path,
            thumbnails.reshaped(read.pixels, read.width, read.height),
            chances=[(names[k], float(judged.probabilities[k])) for k in order],
            like=self._shown(near),
        )

    def _shown(self, near: Sequence[SimilarImage]) -> list[Like]:
        return [Like(one.path, one.label, self._thumbnail(one.path)) for one in near]

    def _thumbnail(self, path: str) -> str:
        side = thumbnails.SIDE
        try:
            with Path(path).open("rb") as file:
                image = decode.decode_image(file, side, side, self._limits.pixels)
        except (OSError, decode.ImageError):
            return ""
        return thumbnails.reshaped(image.pixels, image.width, image.height)


def similar_images_of(train: Path, head_folder: Path) -> SimilarImages | None:
    """Returns what finds similar training images, where the head learned from these features.

    Args:
        train: results/features_train.npz.
        head_folder: models/head.
    """
    if not train.exists():
        return None
    table = features.read(train)
    same = str(table.fingerprint) == head.read_info(head_folder).fingerprint
    return SimilarImages(table) if same else None
