"""Writes predictions: as a table for people, as CSV, as JSON, as JSON Lines."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, TextIO

from classifier.common import files
from classifier.evaluation import predictions
from classifier.serving import parquet

ALIGNED = 1000  # rows of the table that are printed together
CSV_START = f"{','.join(predictions.header(1)[:4])},"  # of the header
JSON_STARTS = ('[\n{"path": "', "[]", '{"path": "')

# writes a row of results/predictions.csv; the text explains why a file cannot be read
WriteRow = Callable[[Sequence[Any], str], None]


def is_written_here(path: Path) -> bool:
    """Tells whether a file is empty or is like those that these functions write."""
    with path.open("rb") as file:
        start = file.read(max(map(len, (CSV_START, *JSON_STARTS)))).decode(errors="replace")
    known = not start or start.startswith((CSV_START, *JSON_STARTS))
    return known or parquet.is_written_here(path)


@contextmanager
def csv_writer(file: TextIO, top_k: int) -> Iterator[WriteRow]:
    """Yields a function that writes a row of CSV, after the header for `top_k` classes."""
    writer = files.CsvWriter(file)
    writer.writerow(predictions.header(top_k))
    yield lambda row, _: writer.writerow(row)


def json_item(row: Sequence[Any], detail: str) -> dict[str, Any]:
    """Returns a row as an object of JSON, with the reason if the file cannot be read."""
    path, status, predicted, probability, novelty, name, *more, _ = row
    if status != "ok":
        return {"path": path, "status": status, "detail": detail}
    cells = [name, probability, *more]
    return {
        "path": path,
        "status": status,
        "predicted": predicted,
        "probabilities": dict(zip(cells[::2], map(float, cells[1::2]), strict=True)),
        "novelty": float(novelty) if novelty else None,
    }


@contextmanager
def json_writer(file: TextIO, _: int = 0) -> Iterator[WriteRow]:
    """Yields a function that writes an object; all are in one array, one per line."""
    separator = "[\n"

    def write(row: Sequence[Any], detail: str) -> None:
        nonlocal separator
        file.write(separator + json.dumps(json_item(row, detail), ensure_ascii=False))
        separator = ",\n"

    yield write
    file.write("\n]\n" if separator == ",\n" else "[]\n")


@contextmanager
def json_lines_writer(file: TextIO, _: int = 0) -> Iterator[WriteRow]:
    """Yields a function that writes an object in a line of its own."""
    yield lambda row, detail: print(
        json.dumps(json_item(row, detail), ensure_ascii=False), file=file
    )


@contextmanager
def table_writer(file: TextIO) -> Iterator[WriteRow]:
    """Yields a function that prints a row with aligned columns, ALIGNED rows at a time."""
    rows: list[list[str]] = []

    def write(row: Sequence[Any], detail: str) -> None:
        path, status, predicted, probability, novelty, name, *more, _ = row
        if status == "ok":
            shown = [path, predicted, probability, *more, f"novelty {novelty or '?'}"]
            if predicted != name:
                shown[1] += f" ({name})"
        else:
            shown = [path, f"{status}: {detail}"]
        rows.append([printable(str(cell)) for cell in shown])
        if len(rows) == ALIGNED:
            flush()

    def flush() -> None:
        file.writelines(f"{line}\n" for line in align(rows))
        rows.clear()

    yield write
    flush()


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the rows as lines with aligned columns; the last cell of each is not padded."""
    widths: list[int] = []
    for *cells, _ in rows:
        widths = list(map(max, zip_longest(widths, map(len, cells), fillvalue=0)))
    return ["  ".join([*map(str.ljust, cells, widths), last]).rstrip() for *cells, last in rows]


def printable(text: str) -> str:
    """Returns text with characters escaped that would break a line or control a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
