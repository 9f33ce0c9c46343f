"""The top of the report: what to expect of new images, for which images, and why."""

from collections.abc import Mapping
from typing import Any

from classifier.common.errors import count
from classifier.evaluation import headline as evaluation
from classifier.html.markup import Markup, tag
from stages.report.elements import percent
from stages.report.run_results import RunResults

NAMED = 12  # classes
SHOWN = 8  # warnings
WEIGHTS = {"imagenet": "trained on ImageNet", "random": "with RANDOM weights"}
RANDOM_WEIGHTS = (
    "The weights are random: the network has not been trained on any images. These numbers only "
    "show that every step runs. They say nothing about the accuracy to expect on your images."
)


def headline(run: RunResults) -> list[Markup | None]:
    """Returns how many of 100 new images are right, for which images and why, and the scores."""
    expected = evaluation.headline(run.metrics)
    numbers = f"{expected.low} to {expected.high}" if expected.low < expected.high else expected.low
    kind = "your training images" if expected.source == "validation" else "your test images"
    sentence = (
        f"Of 100 new images like {kind}, expect ",
        tag("strong", numbers),
        " to be classified correctly.",
    )
    why = tag("div", *(tag("p", text) for text in reasons(run.metrics)), _not_scored(run))
    warning = tag("p", RANDOM_WEIGHTS, class_="warning", role="alert")
    return [
        warning if run.base.weights == "random" else None,
        _warnings(run),
        tag("p", *sentence, class_="headline"),
        tag("div", why, tag("p", _network(run)), class_="beside"),
        _tiles(run),
    ]


def reasons(metrics: Mapping[str, Any]) -> list[str]:
    """Returns where the numbers of the headline are from, in a sentence or two each."""
    source, validation = evaluation.headline(metrics).source, metrics["validation"]
    if source == "estimate":
        return [_estimated(metrics["estimate"], validation), _validated(validation)]
    sentences = [_validated(validation)]
    if source != "validation":
        sentences.insert(0, _tested(metrics[source], source))
    elif "estimate" in metrics:
        accuracy = percent(metrics["estimate"]["accuracy"])
        sentences.append(
            f"Judging by the probabilities of their predictions, {accuracy} of your test images "
            "are right."
        )
    sentences[0] += " Once in 20 times, expect a number outside the range above."
    return sentences


def _validated(scores: Mapping[str, Any]) -> str:
    how = (
        f"Each of your {count(scores['n'], 'training image')} was classified by a head that had "
        f"not learned from it ({scores['folds']}-fold cross-validation)"
        if scores["folds"]
        else f"{count(scores['n'], 'validation image')} not used for training were classified"
    )
    return f"{how}: {_right(scores)}."


def _tested(scores: Mapping[str, Any], source: str) -> str:
    copies = ", without copies of training images" if source != "test" else ""
    return (
        f"Measured on {count(scores['n'], 'test image')} of known class{copies}: {_right(scores)}."
    )


def _estimated(estimate: Mapping[str, Any], validation: Mapping[str, Any]) -> str:
    certain = "less" if estimate["accuracy"] < validation["accuracy"] else "more"
    return (
        f"This is an estimate, as the classes of your {count(estimate['n'], 'test image')} are not "
        "known. They differ from your training images: their predictions are "
        f"{certain} certain, and by their probabilities about {percent(estimate['accuracy'])} are "
        "right. The more images differ, the less is known of them, and the wider is the range."
    )


def _right(scores: Mapping[str, Any]) -> str:
    correct = round(scores["accuracy"] * scores["n"])
    interval = f"{percent(scores['accuracy_low'])} to {percent(scores['accuracy_high'])}"
    return (
        f"{correct:,} were right, an accuracy of {percent(scores['accuracy'])} (95 % confidence "
        f"interval of the accuracy: {interval})"
    )


def _tiles(run: RunResults) -> Markup:
    scores, metrics = run.scores, run.metrics
    shown = {"validation accuracy": metrics["validation"]["accuracy"]}
    if "test_without_leaks" in metrics:
        shown["test accuracy without copies"] = metrics["test_without_leaks"]["accuracy"]
        shown["test accuracy with copies"] = metrics["test"]["accuracy"]
    elif "test" in metrics:
        shown["test accuracy"] = metrics["test"]["accuracy"]
    elif "estimate" in metrics:
        shown["estimated test accuracy"] = metrics["estimate"]["accuracy"]
    others = {
        "top-3 accuracy": percent(scores["top_3_accuracy"]) if len(run.class_names) > 3 else "",
        "macro F1": f"{scores['macro_f1']:.3f}",
        "log loss": f"{scores['log_loss']:.3f}",
        "calibration error": percent(scores["expected_calibration_error"]),
    }
    tiles = {name: percent(accuracy) for name, accuracy in shown.items()}
    tiles |= {f"{run.split} {name}": value for name, value in others.items() if value}
    if run.predictions.n_unknown:
        numbers = run.predictions.n_unknown, run.predictions.usable
        tiles["unknown test images"] = "{:,} of {:,}".format(*numbers)
    shown_tiles = (
        tag("div", tag("dt", name), tag("dd", tile)) for name, tile in tiles.items() if tile
    )
    return tag("dl", *shown_tiles, class_="tiles")


def _warnings(run: RunResults) -> Markup | None:
    if not run.warnings:
        return None
    more = len(run.warnings) - SHOWN
    items = [tag("li", text) for text in run.warnings[:SHOWN]]
    rest = tag("li", f"and {more:,} more in results/warnings.txt") if more > 0 else None
    return tag("div", tag("p", "Warnings:"), tag("ul", *items, rest), class_="warning")


def _not_scored(run: RunResults) -> Markup | None:
    """Returns why there is no test score, or not one of all test images."""
    unknown = run.counts[""]["test"] if "" in run.counts else 0
    if run.split == "test":
        text = f"{count(unknown, 'test image')} not scored: not in a folder named like a class."
        return tag("p", text) if unknown else None
    reason = "no test image is in a folder named like a class" if unknown else "no test images"
    return tag("p", f"There is no test score: {reason}.")


def _network(run: RunResults) -> str:
    names, images = run.class_names, sum(numbers["train"] for numbers in run.counts.values())
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"Trained on {count(images, 'image')} of {count(len(names), 'class', 'classes')}: "
        f"{', '.join(names[:NAMED])}{more}. The features come from InceptionV3 "
        f"{WEIGHTS.get(run.base.weights, 'with weights from a file')}, frozen up to "
        f"{run.base.layer_names}; the layers after that were trained."
    )
