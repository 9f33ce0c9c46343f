"""Classifies uploaded images and finds similar training images, for the web page."""

from collections.abc import Iterable

from classifier.common import params
from classifier.common.errors import count
from classifier.dataset import features, folders
from classifier.evaluation import predictions
from classifier.html import thumbnails
from classifier.html.markup import Markup, join
from classifier.serving import similar_images, snapshot, web_page
from classifier.serving.classifier import MODEL, Classifier, Prediction
from classifier.serving.inputs import ImageSource

NAMES = 30  # class names in the description
SIMILAR = 6  # training images shown with each result
PATIENCE = 10.0  # seconds that an image waits for other slow images


class ClassifierService:
    """The trained classifier of the project, as it was when the page was started.

    Attributes:
        info: on its head.
    """

    def __init__(self) -> None:
        settings = params.load("predict", predictions.Params)
        with snapshot.unchanged(*MODEL, features.TRAIN):
            self._signature = snapshot.signature(*MODEL)
            self._classifier = Classifier()
            self.info = self._classifier.info
            self._top_k, self._decision = settings.top_k, self._classifier.decision(settings)
            self._similar_images = similar_images.load(self.info.fingerprint)

    def description(self) -> str:
        """Returns the description of the classifier on the page."""
        names, images = self.info.class_names, count(self.info.train_images, "image")
        listed = ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")
        text = f"Predicts one of {count(len(names), 'class', 'classes')} for each image: {listed}."
        text += f" Trained on {images}."
        if not self._similar_images:
            text += (
                " Similar images are not shown: results/features_train.npz is not of this model."
            )
        return text

    def warning(self) -> str:
        """Returns what the page must warn of, or nothing."""
        text = self.info.warning.removeprefix("; ")
        if snapshot.signature(*MODEL) != self._signature:
            stale = "models/ has changed since this page was started: restart it for the new model"
            text = f"{text}; {stale}" if text else stale
        return text

    def cards(self, sources: Iterable[ImageSource]) -> Markup:
        """Returns a card of the web page for each image, in order.

        Images are taken one at a time, so that other requests get their turn between them.
        """
        return join(self._card(source) for source in sources)

    def _card(self, source: ImageSource) -> Markup:
        image = self._classifier.loader.load(source, PATIENCE)
        if not image.decoded:
            return web_page.problem_card(image.path, image.detail)
        (prediction,) = self._classifier.predict_batch([image])
        return self._result(prediction)

    def _result(self, prediction: Prediction) -> Markup:
        image, probabilities = prediction.image, prediction.probabilities
        if not image.decoded or probabilities is None or prediction.features is None:
            return web_page.problem_card(image.path, image.detail)
        names, similar = self.info.class_names, []
        (order,) = predictions.top_classes(probabilities[None], self._top_k)
        first, probability = names[order[0]], float(probabilities[order[0]])
        predicted = self._decision.predicted(first, probability, prediction.novelty)
        if self._similar_images:
            nearest = self._similar_images.nearest(prediction.features, SIMILAR)
            similar = [(path, label) for path, label in nearest if folders.is_inside(path)]
        return web_page.card(
            image.path,
            thumbnails.data_uri(image.decoded),
            predicted if predicted != first else "",
            prediction.novelty,
            [(names[k], float(probabilities[k])) for k in order],
            [(path, label, self._classifier.loader.thumbnail(path)) for path, label in similar],
        )

    def close(self) -> None:
        """Ends the worker processes."""
        self._classifier.loader.close()
