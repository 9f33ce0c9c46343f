"""Sections on the predictions: scores by class, errors, calibration, and all test predictions."""

from collections.abc import Mapping, Sequence

from classifier.common.errors import count
from classifier.evaluation.scored_images import ScoredImage
from classifier.html import heat_maps
from classifier.html.markup import Markup, table, tag
from stages.report import charts
from stages.report.elements import ThumbnailSet
from stages.report.run_results import RunResults
from stages.report.scored import CONFIDENT
from stages.report.tested import SEARCHABLE

HEADER = ("class", "images", "recall", "95 % interval", "", "precision", "F1")
LISTED = 100  # predictions in the table


def classes(run: RunResults) -> list[Markup]:
    """Returns the scores of each class."""
    text = (
        f"Recall: the fraction of the class's {run.split} images that are predicted as this class, "
        "with its 95 % confidence interval. Precision: the fraction of the images predicted as "
        "this class that belong to it."
    )
    return [tag("p", text), table("Scores by class", HEADER, map(_class, run.classes))]


def _class(row: Mapping[str, str]) -> list[object]:
    """Returns the scores of a class; the interval of its recall in numbers and as a bar."""
    names = ("recall", "recall_low", "recall_high", "precision", "f1")
    recall, low, high, precision, f1 = (f"{float(row[n]):.2f}" if row[n] else "-" for n in names)
    interval, bar = "-", None
    if row["recall"]:
        value, start, end = (f"{float(row[name]):.0%}" for name in names[:3])
        style = f"--value:{value};--low:{start};--high:{end}"
        interval = f"{low} to {high}"
        bar = tag("span", tag("span"), class_="range", style=style, aria_hidden="true")
    return [row["class"], f"{int(row['images']):,}", recall, interval, bar, precision, f1]


def errors(run: RunResults, images: ThumbnailSet) -> list[Markup | None]:
    """Returns the most confident errors and the least confident predictions, with heat maps."""
    found, wrong = run.scored, run.scored.misclassified
    all_confident = f"All predictions have a probability of {CONFIDENT} or more."
    return [
        *(_switch(run) if images.explains() else ()),
        tag("h3", f"Most confident errors ({len(wrong)} of {found.wrong:,})"),
        _gallery(wrong, run, images) if wrong else tag("p", "No image was misclassified."),
        tag("h3", "Least confident predictions"),
        _gallery(found.least_confident, run, images)
        if found.least_confident
        else tag("p", all_confident),
        tag("h3", "A correct prediction of each class") if found.typical else None,
        _gallery(found.typical, run, images) if found.typical else None,
    ]


def _switch(run: RunResults) -> list[Markup]:
    """Returns the switch of the heat maps, and what they mean."""
    text = (
        "Orange places of an image speak for the class that was predicted, blue ones against it, "
        "compared with the mean of all classes. The strongest place of each image has the full "
        "colour, however strong it is."
    )
    if run.split == "validation":
        text += (
            " They are those of the final head; the predictions are of heads that had not seen "
            "the image."
        )
    return [heat_maps.switch("Show why"), tag("p", text)]


def _gallery(scored: Sequence[ScoredImage], run: RunResults, images: ThumbnailSet) -> Markup:
    figures = []
    for image in scored:
        verdict = run.scored.verdicts.get(image.path)
        badge = [tag("span", verdict, class_="badge"), " "] if verdict else []
        caption = [*badge, tag("b", image.predicted), f" ({image.probability:.2f})"]
        if image.predicted != image.label:
            true_class = f"true class: {image.label} ({image.true_class_probability:.2f})"
            caption += [tag("br"), true_class]
        shown = images.explained(image.path, image.predicted)
        figures.append(tag("figure", shown, tag("figcaption", *caption)))
    return tag("div", *figures, class_="figures")


def unknown(run: RunResults, images: ThumbnailSet) -> list[Markup]:
    """Returns the test images that look like no class; nothing if there are none."""
    found = run.predictions
    if not found.n_unknown:
        return []
    wrong = found.n_unknown_labelled
    text = (
        f"{count(found.n_unknown, 'test image looks', 'test images look')} like none of the "
        "classes: the novelty is above the threshold that predict.keep sets. "
        f"{count(wrong, 'of them has', 'of them have')} a known class; scores are those of the "
        "most probable class."
    )
    figures = (
        tag(
            "figure",
            images.image(row["path"]),
            tag("figcaption", f"novelty {row['novelty']}; most probable: {row['class_1']}"),
        )
        for row in found.unknown
    )
    return [tag("p", text), tag("div", *figures, class_="figures")]


def calibration(run: RunResults) -> list[Markup]:
    """Returns how the predicted probabilities compare with the accuracy."""
    text = (
        "Each dot is a group of images with similar probabilities; a larger dot is a larger "
        "group. If the classifier is well calibrated, the dots lie near the dashed line: of the "
        "images predicted with a probability of 0.8, 80 % are classified correctly. Dots below "
        "the line mean that the classifier is overconfident, dots above it that it is "
        "underconfident."
    )
    return [tag("div", charts.reliability(run.calibration), tag("p", text), class_="beside")]


def predictions(run: RunResults) -> list[Markup]:
    """Returns the first test predictions as a table, which the script turns into a gallery."""
    number = run.predictions.files
    if not number:
        return [tag("p", "There are no test images.")]
    rows = [
        [one.path, one.predicted, f"{one.probability:.6f}"]
        if one.status == "ok"
        else [one.path, one.status, ""]
        for one in run.predictions.first[:LISTED]
    ]
    caption = "Test images" + (f", first {LISTED}" if number > LISTED else "")
    text = f"All predictions are in results/predictions.csv ({count(number, 'file')})."
    if number > SEARCHABLE:
        text += f" The first {SEARCHABLE:,} can be searched here."
    listed = table(caption, ["file", "predicted", "probability"], rows)
    return [tag("p", text), tag("div", listed, id="gallery")]
