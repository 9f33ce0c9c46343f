"""The top of the report: the expected accuracy, in a sentence and in numbers."""

from classifier.common.errors import count
from classifier.html.markup import Markup, tag
from stages.report.elements import percent
from stages.report.run_results import RunResults

NAMED = 12  # classes
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
    measured = tag("div", tag("p", _measurement(run)), _leaks(run))
    warning = tag("p", RANDOM_WEIGHTS, class_="warning", role="alert")
    return [
        warning if run.base.weights == "random" else None,
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


def _leaks(run: RunResults) -> Markup | None:
    leaks = run.findings_of(f"in_train_and_{run.split}")
    leaked = {finding.path for finding in leaks if f"/{run.split}/" in finding.path}
    if not leaked:
        return None
    text = f"Also among the training images: {count(len(leaked), f'{run.split} image')} (see "
    link = tag("a", "Findings", href="#findings")
    return tag("p", text, link, "), so these scores are slightly too high.")


def _network(run: RunResults) -> str:
    names, images = run.class_names, sum(numbers["train"] for numbers in run.counts.values())
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"Trained on {count(images, 'image')} of {count(len(names), 'class', 'classes')}: "
        f"{', '.join(names[:NAMED])}{more}. The features come from InceptionV3 "
        f"{WEIGHTS.get(run.base.weights, 'with weights from a file')}, frozen up to layer "
        f"{run.base.last_layer}; the layers after it were trained."
    )
