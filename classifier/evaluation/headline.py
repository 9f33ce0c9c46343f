"""What to expect of new images, and what to know about the scores: from results/metrics.json."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from classifier.common.errors import count
from classifier.evaluation.intervals import Z95, Z99

MANY = 0.1  # fraction of test images unlike all training images that changes the headline
SMALLEST_DIFFERENCE = 0.02  # of two accuracies, which is worth a word
UNKNOWN = {"disagrees": False, "shift": False, "unlike": 0.0}  # without test images
LABEL_SOME = (
    "to measure it, put some of them into input/test/<class>/, or label them in the list of images"
)
Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Headline:
    """How many of 100 new images are classified correctly, with a probability of 95 %.

    Attributes:
        source: the part of metrics.json that it is from: `test`, `test_without_leaks`, `estimate`
            or `validation`.
        low: the fewest.
        high: the most.
    """

    source: str
    low: int
    high: int


def headline(metrics: Metrics) -> Headline:
    """Returns what to expect, from the images that are most like those to come.

    These are the test images: their score, without leaked images, or its estimate if it is not
    what the validation images let expect. Otherwise it is the score of the validation images.
    """
    source, estimate = scored_part(metrics), metrics.get("estimate", UNKNOWN)
    if source == "validation" and (estimate["disagrees"] or estimate["unlike"] >= MANY):
        low, high = estimate["accuracy_low"], estimate["accuracy_high"]
        return Headline("estimate", math.floor(100 * low), math.ceil(100 * high))
    scores = metrics[source]
    return Headline(source, scores["right_of_100_low"], scores["right_of_100_high"])


def scored_part(metrics: Metrics) -> str:
    """Returns the part of metrics.json that classes.csv and the other tables describe."""
    if "test_without_leaks" in metrics:
        return "test_without_leaks"
    leaked = metrics["leaks"]["labelled"]
    return "test" if metrics.get("test", {}).get("n", 0) > leaked else "validation"


def notes(metrics: Metrics) -> list[str]:
    """Returns what else to know about the scores, a sentence each."""
    sentences = (_groups(metrics), _test(metrics), *_estimate(metrics), _similarity(metrics))
    return [sentence for sentence in sentences if sentence]


def differ(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Tells whether two accuracies differ by more than chance (1 %), and by enough to matter."""
    variances = [
        ((part["accuracy_high"] - part["accuracy_low"]) / (2 * Z95)) ** 2 for part in (one, other)
    ]
    difference = abs(one["accuracy"] - other["accuracy"])
    return difference > max(Z99 * math.sqrt(sum(variances)), SMALLEST_DIFFERENCE)


def leak_notes(metrics: Metrics) -> list[str]:
    """Returns what leaked test images do to the scores."""
    leaks = metrics["leaks"]
    if not leaks["test"]:
        return []
    text = f"{count(leaks['test'], 'test image')} also among the training images"
    remedy = "delete them, or set inspect.drop_leaks to true"
    if not leaks["labelled"]:
        return [f"{text}, for which predictions look better than for new ones: {remedy}"]
    every = f"{metrics['test']['accuracy']:.3f}"
    if "test_without_leaks" not in metrics:
        return [f"{text}, all that are scored; the test accuracy of {every} says nothing: {remedy}"]
    others = f"{metrics['test_without_leaks']['accuracy']:.3f}"
    return [f"{text}; the test accuracy is {others} without them, {every} with them: {remedy}"]


def _groups(metrics: Metrics) -> str:
    torn = metrics.get("validation_without_groups")
    if not torn or not torn["differs"]:
        return ""
    return (
        f"images of a group (copies, a series) are too alike to test each other: the validation "
        f"accuracy is {metrics['validation']['accuracy']:.3f} with each group on one side, and "
        f"would be {torn['accuracy']:.3f} otherwise"
    )


def _similarity(metrics: Metrics) -> str:
    expected = metrics.get("at_test_similarity")
    if not expected or not expected["lower"] or scored_part(metrics) != "validation":
        return ""
    return (
        "the test images are less similar to the training images than these are to each other; of "
        f"validation images as similar as them {expected['accuracy']:.3f} are right, of all "
        f"{metrics['validation']['accuracy']:.3f}"
    )


def _test(metrics: Metrics) -> str:
    source = scored_part(metrics)
    if source == "validation" or not differ(metrics[source], metrics["validation"]):
        return ""
    test, validation = (metrics[name]["accuracy"] for name in (source, "validation"))
    if test > validation:
        return f"the test images are easier than the training images: {_against(test, validation)}"
    return (
        f"the test images are harder than the training images: {_against(test, validation)}; "
        "training images like them help most, and images of one series belong in one group "
        "(column `group` of input/labels.csv or of the list of images)"
    )


def _against(test: float, validation: float) -> str:
    return f"{test:.3f} of them are right, {validation:.3f} of the validation images"


def _estimate(metrics: Metrics) -> list[str]:
    estimate = metrics.get("estimate", UNKNOWN)
    if scored_part(metrics) != "validation":
        return []
    sentences = []
    if estimate["disagrees"]:
        low, high = (f"{estimate[f'accuracy_{end}']:.2f}" for end in ("low", "high"))
        sentences.append(
            f"the test images differ from the training images: about {estimate['accuracy']:.2f} "
            f"of them are right ({low} to {high}), not {metrics['validation']['accuracy']:.2f} as "
            f"of the validation images; {LABEL_SOME}"
        )
    elif estimate["shift"]:
        sentences.append(
            "the test images differ from the training images: the validation accuracy may not "
            f"hold for them; {LABEL_SOME}"
        )
    if estimate["unlike"]:
        sentences.append(
            f"{100 * estimate['unlike']:.0f} % of the test images are unlike all training images: "
            "if they show none of the classes, their predictions are wrong"
        )
    return sentences
