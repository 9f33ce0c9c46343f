"""The page of results/report.html, with its style and its script."""

from collections.abc import Mapping
from pathlib import Path

from classifier.dataset.manifest import ImageRow
from classifier.html.markup import Markup, data, tag
from stages.report import sections, selection
from stages.report.figures import ThumbnailSet
from stages.report.run_results import RunResults
from stages.report.selection import GALLERY

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
CONTENTS = {
    "data": "Data",
    "findings": "Findings",
    "learning": "Learning",
    "confusion": "Confusion",
    "classes": "Classes",
    "judged": "Mistakes",
    "predictions": "Predictions",
    "settings": "Settings",
}


def page(facts: RunResults, thumbs: Mapping[str, str], rows: Mapping[str, ImageRow]) -> Markup:
    """Returns the whole document.

    Args:
        facts: of the run.
        thumbs: data URIs by path.
        rows: of the images that have one, for their sizes.
    """
    image = ThumbnailSet(thumbs, rows)
    parts = [
        sections.headline(facts),
        sections.images(facts, image),
        sections.findings(facts, image),
        sections.learning(facts),
        sections.confusion(facts),
        sections.classes(facts),
        sections.judged(facts, image),
        sections.gallery(facts),
        sections.made_by(facts),
    ]
    title = "What the classifier learned"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag(
            "title",
            f"{title}: {', '.join(facts.class_names[:3])}{'…' * (len(facts.class_names) > 3)}",
        ),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    contents = (
        tag("a", text, href=f"#{name}")
        for name, text in CONTENTS.items()
        if name != "findings" or facts.findings
    )
    blocks = script_data(facts, image)
    body = tag(
        "body",
        tag("nav", *contents, aria_label="Contents"),
        tag("main", tag("h1", title), *parts),
        tag("dialog", id="behind", aria_labelledby="behind-title"),
        *blocks,
        tag("script", Markup(SCRIPT.read_text(encoding="utf-8"))),
    )
    return Markup("<!doctype html>\n" + tag("html", head, body, lang="en") + "\n")


def script_data(facts: RunResults, image: ThumbnailSet) -> list[Markup]:
    """Returns what the script needs: names, images behind the matrix, predictions, thumbnails."""
    number = {name: place for place, name in enumerate(facts.class_names)}
    judged = [
        [one.path, number[one.label], number[one.predicted], round(one.probability, 3)]
        for one in selection.confusion_examples(facts)
    ]
    predictions = [
        [row["path"], number[row["predicted"]], round(float(row["probability"]), 3)]
        if row["status"] == "ok"
        else [row["path"], row["status"]]
        for row in facts.predictions[:GALLERY]
    ]
    return [
        data("names", facts.class_names),
        data("judged-data", judged),
        data("predictions-data", predictions),
        data("thumbs", image.rest()),
    ]
