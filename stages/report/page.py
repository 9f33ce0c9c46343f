"""The HTML document results/report.html."""

from collections.abc import Mapping
from pathlib import Path

from classifier.dataset.manifest import ImageRow
from classifier.html import markup
from classifier.html.markup import Markup, tag
from stages.report import confusion, data, headline, predictions, selection, training
from stages.report.elements import ThumbnailSet
from stages.report.run_results import RunResults
from stages.report.selection import SEARCHABLE

SCRIPT = Path(__file__).with_name("page.js")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
TITLE = "Image classifier report"
CONTENTS = (  # the id of each section is its name in lower case
    "Data",
    "Findings",
    "Training",
    "Confusions",
    "Classes",
    "Errors",
    "Calibration",
    "Predictions",
    "Settings",
)


def page(run: RunResults, uris: Mapping[str, str], rows: Mapping[str, ImageRow]) -> Markup:
    """Returns the whole document.

    Args:
        run: the results to show.
        uris: thumbnails as data URIs, by path.
        rows: the images that have one, by path.
    """
    thumbnails = ThumbnailSet(uris, rows)
    sections = [
        headline.headline(run),
        data.data(run, thumbnails),
        data.findings(run, thumbnails),
        training.training(run),
        confusion.confusion(run),
        predictions.classes(run),
        predictions.errors(run, thumbnails),
        predictions.calibration(run),
        predictions.predictions(run),
        training.settings(run),
    ]
    links = (
        tag("a", name, href=f"#{name.lower()}")
        for name in CONTENTS
        if name != "Findings" or run.findings
    )
    body = tag(
        "body",
        tag("nav", *links, aria_label="Contents"),
        tag("main", tag("h1", TITLE), *sections),
        tag("dialog", id="examples", aria_labelledby="examples-title"),
        *_script_data(run, thumbnails),
        tag("script", Markup(SCRIPT.read_text(encoding="utf-8"))),
    )
    return Markup("<!doctype html>\n" + tag("html", _head(run), body, lang="en") + "\n")


def _head(run: RunResults) -> Markup:
    names = ", ".join(run.class_names[:3]) + ("..." if len(run.class_names) > 3 else "")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{TITLE}: {names}"),
        tag("style", Markup(markup.STYLE.read_text(encoding="utf-8"))),
    )


def _script_data(run: RunResults, thumbnails: ThumbnailSet) -> list[Markup]:
    """Returns the data the script reads: classes, examples, predictions and thumbnails."""
    index = {name: number for number, name in enumerate(run.class_names)}
    examples = [
        [image.path, index[image.label], index[image.predicted], round(image.probability, 3)]
        for image in selection.confusion_examples(run)
    ]
    shown = [
        [row["path"], index[row["predicted"]], round(float(row["probability"]), 3)]
        if row["status"] == "ok"
        else [row["path"], row["status"]]
        for row in run.predictions[:SEARCHABLE]
    ]
    return [
        markup.data("class-names", run.class_names),
        markup.data("example-data", examples),
        markup.data("prediction-data", shown),
        markup.data("thumbnail-data", thumbnails.not_embedded()),
    ]
