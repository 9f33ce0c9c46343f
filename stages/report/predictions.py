"""Sections on the predictions: scores by class, errors, calibration, and all test predictions."""

from collections.abc import Mapping, Sequence

from classifier.common.errors import count
from classifier.html.markup import Markup, table, tag
from stages.report import charts, selection
from stages.report.elements import ThumbnailSet, gallery, section
from stages.report.run_results import RunResults, ScoredImage
from stages.report.selection import CONFIDENT, PER_GROUP, SEARCHABLE

HEADER = ("class", "images", "recall", "95 % interval", "", "precision", "F1")
LISTED = 100  # predictions in the table


def classes(run: RunResults) -> Markup:
    """Returns the scores of each class."""
    rows = [
        [
            row["class"],
            f"{int(row['images']):,}",
            _decimals(row["recall"]),
            *_interval(row),
            _decimals(row["precision"]),
            _decimals(row["f1"]),
        ]
        for row in run.classes
    ]
    text = (
        f"Recall: the fraction of the class's {run.split} images that are predicted as this class, "
        "with its 95 % confidence interval. Precision: the fraction of the images predicted as "
        "this class that belong to it."
    )
    return section("classes", "Classes", tag("p", text), table("Scores by class", HEADER, rows))


def _decimals(cell: str) -> str:
    return f"{float(cell):.2f}" if cell else "-"


def _interval(row: Mapping[str, str]) -> tuple[str, Markup | None]:
    """Returns the interval of a class's recall in numbers and as a bar."""
    if not row["recall"]:
        return "-", None
    value, low, high = (float(row[name]) for name in ("recall", "recall_low", "recall_high"))
    style = f"--value:{value:.0%};--low:{low:.0%};--high:{high:.0%}"
    bar = tag("span", tag("span"), class_="range", style=style, aria_hidden="true")
    return f"{low:.2f} to {high:.2f}", bar


def errors(run: RunResults, thumbnails: ThumbnailSet) -> Markup:
    """Returns the most confident errors and the least confident predictions."""
    wrong, unsure = selection.misclassified(run), selection.least_confident(run)
    return section(
        "errors",
        "Errors",
        tag("h3", f"Most confident errors ({min(len(wrong), PER_GROUP)} of {len(wrong):,})"),
        _predictions(wrong, thumbnails) if wrong else tag("p", "No image was misclassified."),
        tag("h3", "Least confident predictions"),
        _predictions(unsure, thumbnails)
        if unsure
        else tag("p", f"All predictions have a probability of {CONFIDENT} or more."),
    )


def _predictions(images: Sequence[ScoredImage], thumbnails: ThumbnailSet) -> Markup:
    return gallery(
        thumbnails.figure(image.path, tag("b", image.predicted), *_caption(image))
        for image in images[:PER_GROUP]
    )


def _caption(image: ScoredImage) -> Sequence[object]:
    if image.predicted == image.label:
        return [f" ({image.probability:.2f})"]
    true_class = f"true class: {image.label} ({image.true_class_probability:.2f})"
    return [f" ({image.probability:.2f})", tag("br"), true_class]


def calibration(run: RunResults) -> Markup:
    """Returns how the predicted probabilities compare with the accuracy."""
    text = (
        "Each dot is a group of images with similar probabilities; a larger dot is a larger "
        "group. If the classifier is well calibrated, the dots lie near the dashed line: of the "
        "images predicted with a probability of 0.8, 80 % are classified correctly. Dots below "
        "the line mean that the classifier is overconfident, dots above it that it is "
        "underconfident."
    )
    chart = charts.reliability("Accuracy by predicted probability", run.calibration)
    both = tag("div", chart, tag("p", text), class_="beside")
    return section("calibration", "Calibration", both)


def predictions(run: RunResults) -> Markup:
    """Returns the first test predictions as a table, which the script turns into a gallery."""
    number = len(run.predictions)
    if not number:
        empty = tag("p", "There are no images in input/test.")
        return section("predictions", "Predictions", empty)
    rows = [
        [row["path"], row["predicted"] or row["status"], row["probability"]]
        for row in run.predictions[:LISTED]
    ]
    caption = "Test images" + (f", first {LISTED}" if number > LISTED else "")
    text = f"All predictions are in results/predictions.csv ({count(number, 'file')})."
    if number > SEARCHABLE:
        text += f" The first {SEARCHABLE:,} can be searched here."
    listed = table(caption, ["file", "predicted", "probability"], rows)
    return section("predictions", "Predictions", tag("p", text), tag("div", listed, id="gallery"))
