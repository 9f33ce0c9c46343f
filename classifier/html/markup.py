"""Builds HTML. Text is always escaped; only `Markup` is inserted unchanged."""

import html
import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from classifier.common.parallel import batched

BLOCK = 1000  # items of a list that are text at once
STYLE = Path(__file__).with_name("page.css")  # of the report and the web page
VOID = ("meta", "img", "input", "br", "link")


class Markup(str):
    """Text that is HTML already, so it is not escaped."""

    __slots__ = ()


def tag(element: str, /, *children: object, **attributes: object) -> Markup:
    """Returns an element.

    Args:
        element: name of the element.
        children: markup, or text to escape; None is left out.
        attributes: `class_` becomes `class`, `aria_label` becomes `aria-label`; True gives an
            attribute without a value, None leaves it out.
    """
    written = ""
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if value is not None:
            written += f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
    content = "" if element in VOID else f"{join(children)}</{element}>"
    return Markup(f"<{element}{written}>{content}")


def join(children: Iterable[object]) -> Markup:
    """Returns the children, one after the other."""
    shown = (child for child in children if child is not None)
    return Markup("".join(c if isinstance(c, Markup) else html.escape(str(c)) for c in shown))


def data(name: str, value: object) -> Markup:
    """Returns a script element that holds JSON; no text in the value can end the element."""
    return tag("script", _json(value), type="application/json", id=name)


def list_data(name: str, items: Iterable[object]) -> Iterator[Markup]:
    """Yields what `data` returns for a list, in pieces: a long one is never in memory as text."""
    before, after = data(name, []).split("[]")
    yield Markup(f"{before}[")
    for number, block in enumerate(batched(items, BLOCK)):
        yield Markup("," * (number > 0) + _json(block)[1:-1])
    yield Markup(f"]{after}")


def _json(value: object) -> Markup:
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


def document(title: str, *content: object) -> Markup:
    """Returns a page that is served with its `/style.css` and `/script.js`."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="/style.css"),
    )
    body = tag("body", *content, tag("script", src="/script.js"))
    return Markup("<!doctype html>\n" + tag("html", head, body, lang="en"))


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Markup:
    """Returns a table whose first column names the rows.

    Args:
        caption: title of the table.
        header: names of the columns.
        rows: cells; those that start with a digit or a signed one are aligned to the right.
    """
    cells = [list(row) for row in rows]
    kinds = map(_kind, cells[0]) if cells else ()
    head = (tag("th", n, scope="col", class_=kind) for n, kind in zip_longest(header, kinds))
    body = []
    for first, *rest in cells:
        others = (tag("td", cell, class_=_kind(cell)) for cell in rest)
        body.append(tag("tr", tag("th", first, scope="row"), *others))
    parts = tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *body)
    return tag("div", tag("table", *parts), class_="wide")


def _kind(cell: object) -> str | None:
    return "number" if str(cell)[:2].lstrip("+-")[:1].isdigit() else None
