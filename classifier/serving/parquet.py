"""Writes predictions as Parquet, with the columns of CSV and the reason why a file is unread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from classifier.common import parquet
from classifier.evaluation import predictions

MARK = "image-classifier predictions"  # in the metadata, by which a file is recognized
TYPES: dict[type, str] = {str: "string", float: "double", int: "int32"}
TAIL = 2**16  # bytes in which the metadata are


def is_written_here(path: Path) -> bool:
    """Tells whether a file is Parquet that these functions have written."""
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return False
        file.seek(max(0, path.stat().st_size - TAIL))
        return MARK.encode() in file.read()


@contextmanager
def parquet_writer(file: TextIO, top_k: int) -> Iterator[Any]:
    """Yields a function that writes a row of predictions.csv; see `writers.WriteRow`."""
    names = [*predictions.header(top_k), "detail"]
    kinds = [_kind(name) for name in names]
    columns = {name: TYPES[kind] for name, kind in zip(names, kinds, strict=True)}
    with parquet.open_writer(file.buffer, columns, {"written by": MARK}) as write_row:

        def write(row: Sequence[Any], detail: str) -> None:
            cells = zip(kinds, (*row, detail), strict=True)
            write_row([None if cell == "" else kind(cell) for kind, cell in cells])

        yield write


def _kind(column: str) -> type:
    if column == "predicted_index":
        return int
    return float if column == "novelty" or column.startswith("probability") else str
