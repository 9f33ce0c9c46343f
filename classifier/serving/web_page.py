"""The web page of `python -m classifier serve`."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from classifier.dataset.folders import UNCERTAIN, UNKNOWN
from classifier.html import heat_maps, markup
from classifier.html.markup import Markup, tag

TITLE = "Image classifier"
STYLES = (markup.STYLE, Path(__file__).with_suffix(".css"))
SCRIPT = Path(__file__).with_suffix(".js")
POLICY = (
    "default-src 'none'; img-src data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
MEANINGS = {
    UNKNOWN: "unlike the training images of every class; the nearest is",
    UNCERTAIN: "no class is probable enough; the most probable is",
}
NOVELTY = "How unlike the training images it is: 0 is usual for images of the classes"
WHY = "why"  # field of the form
SHOW_WHY = "Show why: orange speaks for the most probable class, blue against it"
FORM_OVERHEAD = 1000  # bytes that the encoding of a form adds to a file


def page(
    description: str, warning: str, results: Markup, max_bytes: int, why: bool | None = None
) -> Markup:
    """Returns the whole document, which works without its script.

    Args:
        description: of the classifier.
        warning: or nothing.
        results: cards.
        max_bytes: of a request.
        why: whether heat maps are shown; None: there are none.
    """
    main = tag(
        "main",
        tag("h1", TITLE),
        tag("p", description),
        tag("p", warning, class_="warning") if warning else None,
        _form(max_bytes, why),
        tag("p", id="status", role="status"),
        tag("section", results, id="results", aria_live="polite", aria_label="Results"),
    )
    return markup.document(TITLE, main)


def _form(max_bytes: int, why: bool | None) -> Markup:
    return tag(
        "form",
        tag("label", "Drop images here, paste one, or choose files", for_="images"),
        tag("input", type="file", id="images", name="images", multiple=True, accept="image/*"),
        tag("button", "Classify"),
        None if why is None else heat_maps.switch(SHOW_WHY, why, WHY),
        method="post",
        action="/",
        enctype="multipart/form-data",
        data_max_bytes=max_bytes - FORM_OVERHEAD,
    )


def problem_card(name: str, problem: str) -> Markup:
    """Returns the card of an uploaded image that could not be read."""
    text = tag("p", tag("strong", name), f" cannot be read: {problem}")
    return tag("article", text, class_="problem")


def card(
    name: str,
    thumbnail: Markup,
    verdict: str,
    novelty: float,
    probabilities: Iterable[tuple[str, float]],
    similar: Sequence[tuple[str, str, str]],
) -> Markup:
    """Returns the card of an uploaded image.

    Args:
        name: of the file.
        thumbnail: an element, with a heat map if there is one.
        verdict: `unknown` or `uncertain`; empty if it is of the most probable class.
        novelty: how unlike the training images it is; NaN if not known.
        probabilities: class names and probabilities, the most probable first.
        similar: path, class and data URI of the most similar training images; the URI is empty if
            the file is missing.
    """
    image = tag("figure", thumbnail, tag("figcaption", name))
    items = [_class(*pair) for pair in probabilities]
    if verdict:
        meaning = f"{verdict}: {MEANINGS[verdict]}"
        items.insert(0, tag("li", tag("span", meaning), class_="verdict"))
    score = None if math.isnan(novelty) else tag("p", f"novelty {novelty:.1f}", title=NOVELTY)
    classes = tag("div", tag("ol", *items), score, class_="classes")
    if not similar:
        return tag("article", image, classes)
    figures = tag("div", *(_similar(*image) for image in similar), class_="figures")
    similar_images = tag("div", tag("p", "Most similar training images:"), figures)
    return tag("article", image, classes, similar_images)


def _class(name: str, probability: float) -> Markup:
    filled = tag("span", style=f"width:{100 * probability:.1f}%")
    bar = tag("span", filled, class_="bar", aria_hidden="true")
    return tag("li", tag("span", name), " ", tag("span", f"{100 * probability:.1f} %"), bar)


def _similar(path: str, label: str, uri: str) -> Markup:
    image = tag("img", src=uri, alt=path) if uri else tag("span", path, class_="none")
    return tag("figure", image, tag("figcaption", label), title=path)
