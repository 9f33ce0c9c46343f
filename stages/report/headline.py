"""The top of the report: the expected accuracy, in a sentence and in numbers."""

from classifier.common.errors import count
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
    """Returns the expected accuracy and how it was measured."""
    low, high = (round(100 * run.scores[f"accuracy_{end}"]) for end in ("low", "high"))
    expected = tag("strong", f"{low} to {high}" if low < high else f"{low}")
    sentence = ("Of 100 new images like these, expect ", expected, " to be classified correctly.")
    measured = tag("div", tag("p", _measurement(run)), _not_scored(run))
    warning = tag("p", RANDOM_WEIGHTS, class_="warning", role="alert")
    return [
        warning if run.base.weights == "random" else None,
        _warnings(run),
        tag("p", *sentence, class_="headline"),
        _tiles(run),
        tag("div", measured, tag("p", _network(run)), class_="beside"),
    ]


def _tiles(run: RunResults) -> Markup:
    scores = run.scores
    tiles = {
        f"{run.split} accuracy": percent(scores["accuracy"]),
        "top-3 accuracy": percent(scores["top_3_accuracy"]) if len(run.class_names) > 3 else "",
        "macro F1": f"{scores['macro_f1']:.3f}",
        "log loss": f"{scores['log_loss']:.3f}",
        "calibration error": percent(scores["expected_calibration_error"]),
    }
    shown = (tag("div", tag("dt", name), tag("dd", tile)) for name, tile in tiles.items() if tile)
    return tag("dl", *shown, class_="tiles")


def _measurement(run: RunResults) -> str:
    scores = run.scores
    correct = round(scores["accuracy"] * scores["n"])
    interval = f"{percent(scores['accuracy_low'])} to {percent(scores['accuracy_high'])}"
    return (
        f"Measured on {count(scores['n'], f'{run.split} image')} not used for training: "
        f"{correct:,} classified correctly, an accuracy of {percent(scores['accuracy'])} "
        f"(95 % confidence interval {interval})."
    )


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
