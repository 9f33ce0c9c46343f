"""Cells of a table that a spreadsheet program would run as formulas, made harmless by a quote."""

import re

STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four: = + - @ in full width
CANDIDATES = STARTS | {"'", " "}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def escape(cell: object) -> object:
    """Returns a cell as it is written: text that could be a formula with `'` before it."""
    if isinstance(cell, str) and cell[:1] in CANDIDATES and _is_formula(cell):
        return f"'{cell}"
    return cell


def unescape(cell: str) -> str:
    """Returns the text from which `escape` made the cell."""
    return cell[1:] if cell[:1] == "'" and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    """Tells whether text could be a formula, apart from quotes before it; numbers are none."""
    text = text.lstrip("'")
    start = text[:1] in STARTS or text.lstrip()[:1] in STARTS
    return start and len(text) > 1 and not NUMBER.fullmatch(text)
