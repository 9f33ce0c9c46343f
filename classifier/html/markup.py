"""Builds HTML. Text is always escaped; only `Markup` is inserted unchanged."""

import html
import json
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

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
    written = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = "" if element in VOID else f"{join(children)}</{element}>"
    return Markup(f"<{element}{written}>{content}")


def join(children: Iterable[object]) -> Markup:
    """Returns the children, one after the other."""
    return Markup("".join(_text(child) for child in children if child is not None))


def data(name: str, value: object) -> Markup:
    """Returns a script element that holds JSON; no text in the value can end the element."""
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Markup(text), type="application/json", id=name)


def table(caption: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Markup:
    """Returns a table whose first column names the rows.

    Args:
        caption: title of the table.
        header: names of the columns.
        rows: cells; those that start with a digit are aligned to the right.
    """
    cells = [list(row) for row in rows]
    kinds = [_kind(cell) for cell in cells[0]] if cells else []
    names = zip_longest(header, kinds)
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in names))
    body = (
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(tag("td", cell, class_=_kind(cell)) for cell in rest),
        )
        for first, *rest in cells
    )
    element = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", element, class_="wide")


def _kind(cell: object) -> str | None:
    return "number" if str(cell)[:1].isdigit() else None


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _text(child: object) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child))
