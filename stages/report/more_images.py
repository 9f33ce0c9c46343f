"""Part of section Training: whether more training images would help."""

from collections.abc import Mapping
from typing import Any

from classifier.html.markup import Markup, table, tag
from stages.report import charts
from stages.report.charts import Axes
from stages.report.elements import percent
from stages.report.run_results import RunResults

LITTLE = 0.01  # gain of accuracy
TEXT = (
    "A linear discriminant, which trains fast, learned from a part of the training images and "
    "classified those that it had not seen. Its accuracy can differ a little from that of the head."
)


def more_images(run: RunResults) -> list[Markup]:
    """Returns the accuracy by number of training images, and what twice as many would add."""
    curve = run.learning_curve
    if not curve:
        return []
    rows = [
        [f"{one.images:,}", percent(one.accuracy), f"{percent(one.low)} to {percent(one.high)}"]
        for one in curve
    ]
    header = ("training images", "accuracy", "95 % interval")
    parts = [table("Accuracy by number of training images", header, rows)]
    if len(curve) > 1:
        lowest = int(10 * min(one.accuracy for one in curve)) / 10
        axes = Axes((0, curve[-1].images), (min(lowest, 0.9), 1))
        drawn = [(one.images, one.accuracy) for one in curve]
        parts.append(charts.curve("Learning curve", drawn, axes, "training images", "accuracy"))
    sentence = expected(run.metrics.get("twice_as_many"))
    heading = tag("h3", "Would more images help?")
    return [heading, tag("p", sentence), tag("div", *parts, class_="beside"), tag("p", TEXT)]


def expected(gain: Mapping[str, Any] | None) -> str:
    """Returns what twice as many training images would add, in a sentence or two."""
    if not gain:
        return "Whether more images would help cannot be told from so few."
    mean, low, high = (100 * gain[name] for name in ("gain", "gain_low", "gain_high"))
    if gain["gain_high"] < LITTLE:
        return (
            "More training images of the same kind would hardly help: twice as many would raise "
            f"the accuracy by at most {high:.1f} percentage points."
        )
    if gain["gain_low"] <= 0:
        return (
            "Whether more training images of the same kind would help cannot be told: twice as "
            f"many would raise the accuracy by between 0 and {high:.1f} percentage points."
        )
    text = (
        "Expected gain from twice as many training images of the same kind: the accuracy rises by "
        f"{mean:.1f} percentage points (95 % interval: {low:.1f} to {high:.1f})."
    )
    if not gain["classes"]:
        return f"{text} Which classes would gain most cannot be told."
    named = ", ".join(
        f"{name} ({100 * value:.0f} points)" for name, value in gain["classes"].items()
    )
    return f"{text} Most would be gained for {named}."
