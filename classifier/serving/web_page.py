"""The web page of `python -m classifier serve`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.html import markup
from classifier.html.markup import Markup, join, tag

TITLE = "Image classifier"
STYLES = (markup.STYLE, Path(__file__).with_suffix(".css"))
SCRIPT = Path(__file__).with_suffix(".js")
POLICY = (
    "default-src 'none'; img-src data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FORM_OVERHEAD = 1000  # bytes that the encoding of a form adds to a file


@dataclass(frozen=True)
class Thumbnail:
    """A training image that is similar to an uploaded one.

    Attributes:
        path: of its file.
        label: name of its class.
        uri: data URI; empty if the file is missing.
    """

    path: str
    label: str
    uri: str


@dataclass(frozen=True)
class Result:
    """What the page shows for an uploaded image.

    Attributes:
        name: of the file.
        uri: data URI of its thumbnail; empty if the image could not be read.
        problem: the reason why it could not be read, or empty.
        probabilities: class names and probabilities, the most probable first.
        similar: the most similar training images.
    """

    name: str
    uri: str = ""
    problem: str = ""
    probabilities: Sequence[tuple[str, float]] = ()
    similar: Sequence[Thumbnail] = ()


def page(description: str, warning: str, results: Markup, max_bytes: int) -> Markup:
    """Returns the whole document; it works without its script.

    Args:
        description: of the classifier.
        warning: shown in a box, or empty.
        results: cards.
        max_bytes: of one upload.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", TITLE),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="/style.css"),
    )
    main = tag(
        "main",
        tag("h1", TITLE),
        tag("p", description),
        tag("p", warning, class_="warning") if warning else None,
        _form(max_bytes),
        tag("p", id="status", role="status"),
        tag("section", results, id="results", aria_live="polite", aria_label="Results"),
    )
    body = tag("body", main, tag("script", src="/script.js"))
    return Markup("<!doctype html>\n" + tag("html", head, body, lang="en"))


def _form(max_bytes: int) -> Markup:
    return tag(
        "form",
        tag("label", "Drop images here, paste one, or choose files", for_="images"),
        tag("input", type="file", id="images", name="images", multiple=True, accept="image/*"),
        tag("button", "Classify"),
        method="post",
        action="/",
        enctype="multipart/form-data",
        data_max_bytes=max_bytes - FORM_OVERHEAD,
    )


def cards(results: Sequence[Result]) -> Markup:
    """Returns a card for each result, in order."""
    return join(map(card, results))


def card(result: Result) -> Markup:
    """Returns the card of one result."""
    if result.problem:
        text = tag("p", tag("strong", result.name), f" cannot be read: {result.problem}")
        return tag("article", text, class_="problem")
    image = tag("figure", tag("img", src=result.uri, alt=""), tag("figcaption", result.name))
    classes = tag("ol", *(_class(*pair) for pair in result.probabilities))
    similar = None
    if result.similar:
        figures = tag("div", *map(_similar, result.similar), class_="figures")
        similar = tag("div", tag("p", "Most similar training images:"), figures)
    return tag("article", image, classes, similar)


def _class(name: str, probability: float) -> Markup:
    filled = tag("span", style=f"width:{100 * probability:.1f}%")
    bar = tag("span", filled, class_="bar", aria_hidden="true")
    return tag("li", tag("span", name), " ", tag("span", f"{100 * probability:.1f} %"), bar)


def _similar(image: Thumbnail) -> Markup:
    shown = (
        tag("img", src=image.uri, alt=image.path)
        if image.uri
        else tag("span", image.path, class_="none")
    )
    return tag("figure", shown, tag("figcaption", image.label), title=image.path)
