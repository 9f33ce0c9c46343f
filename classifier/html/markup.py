"""HTML that is escaped by construction: text is, unless it is markup already."""

import html
import json
from collections.abc import Iterable

VOID = ("meta", "img", "input", "br", "link")


class Markup(str):
    """Text that is HTML, to be put into a page as it is."""

    __slots__ = ()


def tag(element: str, /, *children: object, **attributes: object) -> Markup:
    """Returns an element.

    Args:
        element: its name.
        children: markup, or anything else, whose text is escaped; None is left out.
        attributes: `class_` is written `class`, `aria_label` as `aria-label`; True stands bare,
            None and False are left out.
    """
    said = "".join(
        f" {_named(key)}" if value is True else f' {_named(key)}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inner = join(children)
    return Markup(f"<{element}{said}>" + ("" if element in VOID else f"{inner}</{element}>"))


def join(children: Iterable[object]) -> Markup:
    """Returns the children one after the other."""
    return Markup("".join(_text(child) for child in children if child is not None))


def data(name: str, value: object) -> Markup:
    """Returns a block of JSON for scripts, which no text in it can end."""
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Markup(text), type="application/json", id=name)


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Markup:
    """Returns a table whose first column names the rows.

    Args:
        caption: what it shows.
        header: of the columns.
        rows: cells; numbers are set to the right.
    """
    body = (
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(tag("td", cell, class_=_kind(cell)) for cell in rest),
        )
        for first, *rest in rows
    )
    head = tag("tr", *(tag("th", name, scope="col") for name in header))
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="wide")


def _kind(cell: object) -> str | None:
    number = not isinstance(cell, Markup) and str(cell)[:1].isdigit()
    return "number" if number else None


def _named(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _text(child: object) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child))
