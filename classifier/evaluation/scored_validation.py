"""The predictions of the validation images beside their classes."""

from classifier.common.scratch import Scratch
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation import scored_images
from classifier.evaluation.scored_images import ScoredImages


def score(validated: ValidationPredictions, scratch: Scratch) -> ScoredImages:
    """Returns the predictions of all images, scored a block at a time.

    Their columns are in temporary files and can be read while `scratch` is open.
    """
    names = validated.class_names.tolist()
    parts = ((validated.probabilities[b], validated.labels[b]) for b in validated.blocks())
    scored = (scored_images.score(probabilities, labels, names) for probabilities, labels in parts)
    return scored_images.on_disk(scored, scratch)
