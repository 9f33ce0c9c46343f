"""What is answered about new pictures, as cards of a page: classes, and what they look like."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.markup import Markup, join, tag

STYLE = """
.shown { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start;
  padding: 1rem 0; border-bottom: 1px solid var(--border-color-primary); }
.shown figure { margin: 0; }
.shown figcaption { font-size: 0.85rem; max-width: 8rem; overflow-wrap: anywhere; }
.shown img { border-radius: 6px; max-width: 8rem; height: auto; margin: 0; }
.shown .classes { flex: 1 1 16rem; min-width: 12rem; }
.shown .classes p { margin: 0 0 0.4rem; }
.shown .classes p:first-child { font-size: 1.15rem; font-weight: 600; }
.shown .bar { display: block; height: 0.45rem; border-radius: 3px; margin-top: 0.1rem;
  background: var(--border-color-primary); }
.shown .bar > span { display: block; height: 100%; border-radius: 3px;
  background: var(--color-accent); }
.shown .like { flex: 1 1 100%; display: flex; flex-wrap: wrap; gap: 0.7rem; }
.shown .like > p { flex: 1 1 100%; margin: 0; font-size: 0.9rem; }
"""


@dataclass(frozen=True)
class Like:
    """A training picture beside an answer.

    Attributes:
        path: of its file.
        label: name of its class.
        picture: data URI, or empty where the file is not there.
    """

    path: str
    label: str
    picture: str


@dataclass(frozen=True)
class Answer:
    """What is said about a picture.

    Attributes:
        name: of its file.
        picture: data URI; empty where it could not be read.
        problem: why it could not, or empty.
        chances: names and probabilities of classes, the most probable first.
        like: the training pictures nearest to it.
    """

    name: str
    picture: str = ""
    problem: str = ""
    chances: Sequence[tuple[str, float]] = ()
    like: Sequence[Like] = ()


def cards(answers: Sequence[Answer]) -> Markup:
    """Returns a card for each answer, in their order."""
    return join(map(card, answers))


def card(answer: Answer) -> Markup:
    """Returns what is said about one picture."""
    if answer.problem:
        said = tag("p", tag("strong", answer.name), f" cannot be read: {answer.problem}")
        return tag("article", said, class_="shown", role="alert")
    shown = tag("figure", _image(answer.picture, ""), tag("figcaption", answer.name))
    classes = tag("div", *(_chance(*chance) for chance in answer.chances), class_="classes")
    like = None
    if answer.like:
        words = "It looks most like these training pictures:"
        like = tag("div", tag("p", words), *map(_like, answer.like), class_="like")
    return tag("article", shown, classes, like, class_="shown", aria_label=answer.name)


def _chance(name: str, probability: float) -> Markup:
    share = f"{100 * probability:.1f} %"
    filled = tag("span", style=f"width:{100 * probability:.1f}%")
    return tag("p", f"{name} {share}", tag("span", filled, class_="bar", aria_hidden="true"))


def _like(one: Like) -> Markup:
    image = _image(one.picture, one.path) if one.picture else None
    return tag("figure", image, tag("figcaption", one.label), title=one.path)


def _image(source: str, alt: str) -> Markup:
    return tag("img", src=source, alt=alt)
