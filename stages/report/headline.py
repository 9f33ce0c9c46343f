"""The top of the report: the expected accuracy, in a sentence and in numbers."""

from classifier.common.errors import count
from classifier.html.markup import Markup, join, tag
from stages.report.elements import percent
from stages.report.run_results import RunResults

NAMED = 12  # classes
LEAKS = {"test": "in_train_and_test", "validation": "in_train_and_validation"}


def headline(run: RunResults) -> Markup:
    """Returns the expected accuracy and how it was measured."""
    scores = run.metrics[run.split]
    low, high = round(100 * scores["accuracy_low"]), round(100 * scores["accuracy_high"])
    expected = tag("strong", f"{low} to {high}" if low < high else f"{low}")
    return join(
        [
            _random_weights() if run.base.weights == "random" else None,
            tag(
                "p",
                "Of 100 new images like these, expect ",
                expected,
                " to be classified correctly.",
                class_="headline",
            ),
            _tiles(run),
            tag(
                "div",
                tag("div", tag("p", _measurement(run)), _leaks(run)),
                tag("p", _network(run)),
                class_="beside",
            ),
        ]
    )


def _random_weights() -> Markup:
    return tag(
        "p",
        "The weights are random: the network has not been trained on any images. These numbers "
        "only show that every step runs. They say nothing about the accuracy to expect on your "
        "images.",
        class_="warning",
        role="alert",
    )


def _tiles(run: RunResults) -> Markup:
    scores = run.metrics[run.split]
    tiles = {
        f"{run.split} accuracy": percent(scores["accuracy"]),
        "top-3 accuracy": percent(scores["top_3_accuracy"]) if len(run.class_names) > 3 else "",
        "macro F1": f"{scores['macro_f1']:.3f}",
        "log loss": f"{scores['log_loss']:.3f}",
        "calibration error": percent(scores["expected_calibration_error"]),
    }
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value)) for name, value in tiles.items() if value),
        class_="tiles",
    )


def _measurement(run: RunResults) -> str:
    scores = run.metrics[run.split]
    correct = round(scores["accuracy"] * scores["n"])
    interval = f"{percent(scores['accuracy_low'])} to {percent(scores['accuracy_high'])}"
    return (
        f"Measured on {count(scores['n'], f'{run.split} image')} not used for training: "
        f"{correct:,} classified correctly, an accuracy of {percent(scores['accuracy'])} "
        f"(95 % confidence interval {interval})."
    )


def _leaks(run: RunResults) -> Markup | None:
    leaks = [finding for finding in run.findings if finding.finding == LEAKS[run.split]]
    leaked = {finding.path for finding in leaks if f"/{run.split}/" in finding.path}
    if not leaked:
        return None
    return tag(
        "p",
        f"Also among the training images: {count(len(leaked), f'{run.split} image')} (see ",
        tag("a", "Findings", href="#findings"),
        "), so these scores are slightly too high.",
    )


def _network(run: RunResults) -> str:
    names = ", ".join(run.class_names[:NAMED])
    names += f" and {len(run.class_names) - NAMED} more" if len(run.class_names) > NAMED else ""
    weights = {"imagenet": "trained on ImageNet", "random": "with RANDOM weights"}
    return (
        f"Trained on {count(run.dataset['train'], 'image')} of "
        f"{count(len(run.class_names), 'class', 'classes')}: {names}. The features come from "
        f"InceptionV3 {weights.get(run.base.weights, 'with weights from a file')}, frozen up to "
        f"layer {run.base.last_layer}; the layers after it were trained."
    )
