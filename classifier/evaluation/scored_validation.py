"""The predictions of the validation images beside their classes."""

from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation import scored_images
from classifier.evaluation.scored_images import ScoredImages


def score(validated: ValidationPredictions) -> ScoredImages:
    """Returns the predictions of all images; only some probabilities are in memory at once."""
    names = validated.class_names.tolist()
    parts = ((validated.probabilities[b], validated.labels[b]) for b in validated.blocks())
    scored = (scored_images.score(probabilities, labels, names) for probabilities, labels in parts)
    return scored_images.concatenate(scored, len(validated.labels))
