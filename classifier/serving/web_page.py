"""The page of `python -m classifier serve`: images go in, cards with classes come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.html.markup import Markup, join, tag

TITLE = "What does this image show?"
STYLES = (Path(__file__).with_name("page.css"), Path(__file__).with_name("showcase.css"))
SCRIPT = Path(__file__).with_name("showcase.js")
POLICY = (
    "default-src 'none'; img-src data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@dataclass(frozen=True)
class Like:
    """A training image beside an answer.

    Attributes:
        path: of its file.
        label: name of its class.
        image: data URI, or empty where the file is not there.
    """

    path: str
    label: str
    image: str


@dataclass(frozen=True)
class Answer:
    """What is said about an image.

    Attributes:
        name: of its file.
        image: data URI; empty where it could not be read.
        problem: why it could not, or empty.
        chances: names and probabilities of classes, the most probable first.
        like: the training images nearest to it.
    """

    name: str
    image: str = ""
    problem: str = ""
    chances: Sequence[tuple[str, float]] = ()
    like: Sequence[Like] = ()


def page(about: str, warning: str, answers: Markup, max_bytes: int) -> Markup:
    """Returns the whole document, which also works without its script.

    Args:
        about: what the classifier can say.
        warning: what has to be said besides, or empty.
        answers: cards.
        max_bytes: of an image that is sent.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", TITLE),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="/style.css"),
    )
    words = "Drop images here, paste one, or choose files"
    chosen = tag("input", type="file", id="images", name="images", multiple=True, accept="image/*")
    form = tag(
        "form",
        tag("label", words, for_="images"),
        chosen,
        tag("button", "Classify"),
        method="post",
        action="/",
        enctype="multipart/form-data",
        data_max_bytes=max_bytes - 1000,  # what a form adds to a file
    )
    body = tag(
        "main",
        tag("h1", TITLE),
        tag("p", about),
        tag("p", warning, class_="warning") if warning else None,
        form,
        tag("p", id="state", role="status"),
        tag("section", answers, id="answers", aria_live="polite", aria_label="Answers"),
    )
    script = tag("script", src="/script.js")
    return Markup("<!doctype html>\n" + tag("html", head, tag("body", body, script), lang="en"))


def cards(answers: Sequence[Answer]) -> Markup:
    """Returns a card for each answer, in their order."""
    return join(map(card, answers))


def card(answer: Answer) -> Markup:
    """Returns what is said about one image."""
    if answer.problem:
        said = tag("p", tag("strong", answer.name), f" cannot be read: {answer.problem}")
        return tag("article", said, class_="unread")
    shown = tag("figure", _image(answer.image, ""), tag("figcaption", answer.name))
    classes = tag("ol", *(_chance(*chance) for chance in answer.chances))
    like = None
    if answer.like:
        near = tag("div", *map(_like, answer.like), class_="figures")
        like = tag("div", tag("p", "To the network it looks like these training images:"), near)
    return tag("article", shown, classes, like)


def _chance(name: str, probability: float) -> Markup:
    share = f"{100 * probability:.1f} %"
    filled = tag("span", style=f"width:{100 * probability:.1f}%")
    bar = tag("span", filled, class_="bar", aria_hidden="true")
    return tag("li", tag("span", name), " ", tag("span", share), bar)


def _like(one: Like) -> Markup:
    image = _image(one.image, one.path) if one.image else tag("span", one.path, class_="none")
    return tag("figure", image, tag("figcaption", one.label), title=one.path)


def _image(source: str, alt: str) -> Markup:
    return tag("img", src=source, alt=alt)
