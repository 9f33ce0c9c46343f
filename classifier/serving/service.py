"""Classifies uploaded images, as JSON and, with similar training images, for the web page."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from classifier.common import cores, parallel
from classifier.common.errors import count
from classifier.dataset import folders
from classifier.evaluation import predictions
from classifier.html import heat_maps, thumbnails
from classifier.html.markup import Markup, join, tag
from classifier.images.limits import Limits
from classifier.serving import models, similar_images, snapshot, web_page, writers
from classifier.serving.batcher import Batcher
from classifier.serving.classifier import BATCH_SIZE, Classifier, Prediction
from classifier.serving.inputs import ImageSource
from classifier.serving.request_metrics import RequestMetrics

NAMES = 30  # class names in the description
SIMILAR = 6  # training images shown with each result
MEMORY = 1_000_000_000  # bytes to decode an image: a file of 90 bytes may need gigabytes
PATIENCE = 10.0  # seconds that an image waits for other slow images


class ClassifierService:
    """A trained classifier, as it was when this was made.

    Args:
        model: folder of an exported classifier; None: that of the project.
        limits: on each image.
        metrics: in which images are counted.

    Attributes:
        info: on its head.
    """

    def __init__(self, model: Path | None, limits: Limits, metrics: RequestMetrics) -> None:
        self._metrics, self._alone = metrics, model is not None
        with snapshot.unchanged(*models.paths(model)):
            self._classifier = Classifier(models.load(model), limits, MEMORY)
            self.info, self._explainer = self._classifier.info, self._classifier.model.explainer()
            similar = None if model else similar_images.load(self.info.fingerprint)
        self._top_k, self._similar_images = self._classifier.model.top_k, similar
        calls = self._classifier.model.concurrency
        self._batcher = Batcher(self._classifier.predict_batch, calls, BATCH_SIZE)

    def description(self) -> str:
        """Returns the description of the classifier on the page."""
        names, images = self.info.class_names, count(self.info.train_images, "image")
        listed = ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")
        text = f"Predicts one of {count(len(names), 'class', 'classes')} for each image: {listed}."
        text += f" Trained on {images}."
        if not (self._alone or self._similar_images):
            why = "results/features_train cannot be read, or is not of this model"
            text += f" Similar images are not shown: {why}."
        return text

    @property
    def explains(self) -> bool:
        """Tells whether `cards` can show heat maps."""
        return self._explainer is not None

    @property
    def warning(self) -> str:
        """Returns what the page must warn of, or nothing."""
        return self.info.warning.removeprefix("; ")

    def predictions(self, sources: Iterable[ImageSource]) -> Iterator[Prediction]:
        """Yields the prediction for each image, in order; few are worked on at the same time."""
        few = cores.count()
        yield from parallel.prefetch_map(self._predict, sources, few, few)

    def _predict(self, source: ImageSource) -> Prediction:
        image = self._classifier.loader.load(source, PATIENCE)
        if not image.decoded:
            self._metrics.count_image(image.problem)
            return Prediction(image)
        prediction = self._batcher.result(image)
        self._metrics.count_image("ok", str(self._classifier.row(prediction, 1)[2]))
        return prediction

    def items(self, sources: Iterable[ImageSource], top_k: int = 0) -> list[dict[str, Any]]:
        """Returns an object for each image, as `classify --json` writes it.

        `top_k` is how many classes to list; 0: as in params.yaml.
        """
        number = min(top_k or self._top_k, len(self.info.class_names))
        return [
            writers.json_item(self._classifier.row(one, number), one.image.detail)
            for one in self.predictions(sources)
        ]

    def cards(self, sources: Iterable[ImageSource], why: Callable[[], bool]) -> Markup:
        """Returns a card of the web page for each image, in order.

        Args:
            sources: the images.
            why: tells whether to show heat maps; called when the first image has been read.
        """
        return join(self._result(one, why()) for one in self.predictions(sources))

    def _result(self, prediction: Prediction, why: bool) -> Markup:
        image, probabilities = prediction.image, prediction.probabilities
        if not image.decoded or probabilities is None or prediction.features is None:
            return web_page.problem_card(image.path, image.detail)
        names, similar = self.info.class_names, []
        (order,) = predictions.top_classes(probabilities[None], self._top_k)
        first, predicted = names[order[0]], str(self._classifier.row(prediction, 1)[2])
        if self._similar_images:
            nearest = self._similar_images.nearest(prediction.features, SIMILAR)
            similar = [(path, label) for path, label in nearest if folders.is_inside(path)]
        thumbnail = tag("img", src=thumbnails.data_uri(image.decoded), alt="")
        if why and self._explainer:
            (heat,) = self._explainer.heat_maps(image.decoded.pixels[None], order[:1].tolist())
            thumbnail = heat_maps.figure(thumbnail, heat, first)
        return web_page.card(
            image.path,
            thumbnail,
            predicted if predicted != first else "",
            prediction.novelty,
            [(names[k], float(probabilities[k])) for k in order],
            [(path, label, self._classifier.loader.thumbnail(path)) for path, label in similar],
        )

    def close(self) -> None:
        """Ends the worker processes."""
        self._batcher.close()
        self._classifier.close()
