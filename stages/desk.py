"""Answers about pictures that are sent in: their classes, and what they look like."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages import features, head, images, predictions, thumbnails
from stages.classifier import Classifier, Judged
from stages.limits import Limits
from stages.pictures import Given
from stages.resemblance import Resemblance, Resembling
from stages.showcase import Answer, Like

LIKE = 6  # training pictures shown beside each


class Desk:
    """Answers one request after the other, each with all of the machine.

    Args:
        classifier: that names the classes.
        resemblance: to training pictures; None where their features are not at hand.
        limits: what a picture may cost.
        top_k: classes said of a picture.
    """

    def __init__(
        self, classifier: Classifier, resemblance: Resemblance | None, limits: Limits, top_k: int
    ) -> None:
        self._classifier, self._resemblance = classifier, resemblance
        self._limits, self._top_k = limits, top_k
        self._turn = threading.Lock()

    def answers(self, given: Iterable[Given]) -> list[Answer]:
        """Returns what is said about pictures, in their order."""
        with self._turn:
            return [self._answer(one) for one in self._classifier.judge(given)]

    def _answer(self, judged: Judged) -> Answer:
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

    def _shown(self, near: Sequence[Resembling]) -> list[Like]:
        return [Like(one.path, one.label, self._thumbnail(one.path)) for one in near]

    def _thumbnail(self, path: str) -> str:
        side = thumbnails.SIDE
        try:
            with Path(path).open("rb") as file:
                picture = images.decode(file, side, side, self._limits.pixels)
        except (OSError, images.ImageError):
            return ""
        return thumbnails.reshaped(picture.pixels, picture.width, picture.height)


def resemblance(train: Path, head_folder: Path) -> Resemblance | None:
    """Returns what finds similar training pictures, where the head learned from these features.

    Args:
        train: results/train.npz.
        head_folder: models/head.
    """
    if not train.exists():
        return None
    table = features.read(train)
    same = str(table.fingerprint) == head.read_about(head_folder).fingerprint
    return Resemblance(table) if same else None
