"""The HTML document results/report.html."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np

from classifier.html import markup
from classifier.html.markup import Markup, tag
from classifier.html.thumbnails import Thumbnail
from stages.report import (
    comparison,
    confidence,
    confusion,
    data,
    headline,
    more_images,
    predictions,
    similarity,
    training,
)
from stages.report.elements import ThumbnailSet
from stages.report.run_results import RunResults

SCRIPT = Path(__file__).with_name("page.js")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
TITLE = "Image classifier report"


def parts(
    run: RunResults,
    thumbnails: Mapping[str, Thumbnail],
    heats: Mapping[str, np.ndarray] | None = None,
) -> Iterator[str]:
    """Returns the document in pieces, with thumbnails and heat maps by path of the image."""
    images = ThumbnailSet(thumbnails, heats or {})
    sections: dict[str, list[Markup] | list[Markup | None]] = {
        "Comparison": comparison.comparison(run, images),
        "Data": data.data(run, images),
        "Findings": data.findings(run, images),
        "Training": training.training(run) + more_images.more_images(run),
        "Confusions": confusion.confusion(run),
        "Classes": predictions.classes(run),
        "Errors": predictions.errors(run, images),
        "Unknown": predictions.unknown(run, images),
        "Confidence": confidence.confidence(run),
        "Similarity": similarity.similarity(run),
        "Calibration": predictions.calibration(run),
        "Predictions": predictions.predictions(run),
        "Settings": training.settings(run),
    }
    sections = {title: content for title, content in sections.items() if content}
    links = (tag("a", title, href=f"#{title.lower()}") for title in sections)
    contents = (
        tag("section", tag("h2", title), *content, id=title.lower())
        for title, content in sections.items()
    )
    top = tag("h1", TITLE), *headline.headline(run)
    before = [
        '<!doctype html>\n<html lang="en">',
        _head(run),
        "<body>",
        tag("nav", *links, aria_label="Contents"),
        tag("main", *top, tag("div", *contents, class_="sections")),
        tag("dialog", id="examples", aria_labelledby="examples-title"),
    ]
    script = tag("script", Markup(SCRIPT.read_text(encoding="utf-8")))
    return chain(before, _script_data(run, images), [script, "</body></html>\n"])


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


def _script_data(run: RunResults, images: ThumbnailSet) -> Iterator[Markup]:
    """Yields the data the script reads: classes, examples, predictions and thumbnails."""
    index = {name: number for number, name in enumerate(run.class_names)}
    examples = (
        (image.path, index[image.label], index[image.predicted], round(image.probability, 3))
        for image in run.scored.examples
    )
    shown = (
        (
            one.path,
            index[one.class_1],
            round(one.probability, 3),
            one.predicted if one.predicted != one.class_1 else "",
            index[one.label] if one.label else -1,
        )
        if one.status == "ok"
        else (one.path, one.status)
        for one in run.predictions.first
    )
    yield markup.data("class-names", run.class_names)
    yield from markup.list_data("example-data", examples)
    yield from markup.list_data("prediction-data", shown)
    yield markup.data("thumbnail-data", images.not_embedded())
