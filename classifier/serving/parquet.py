"""Writes predictions as Parquet, with the columns of CSV and the reason why a file is unread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from classifier.evaluation import predictions

PACKAGE = "pyarrow"
MARK = "image-classifier predictions"  # in the metadata, by which a file is recognized
ROWS = 10_000  # that are written together
TAIL = 2**16  # bytes in which the metadata are


def is_installed() -> bool:
    """Tells whether the package that writes Parquet is there."""
    return find_spec(PACKAGE) is not None


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [*predictions.header(top_k), "detail"]
    types = {str: pa.string(), float: pa.float64(), int: pa.int32()}
    kinds = [_kind(name) for name in names]
    fields = [(name, types[kind]) for name, kind in zip(names, kinds, strict=True)]
    schema = pa.schema(fields, metadata={"written by": MARK})
    rows: list[list[Any]] = []

    def write(row: Sequence[Any], detail: str) -> None:
        cells = zip(kinds, (*row, detail), strict=True)
        rows.append([None if cell == "" else kind(cell) for kind, cell in cells])
        if len(rows) == ROWS:
            flush()

    def flush() -> None:
        if rows:
            columns = zip(fields, zip(*rows, strict=True), strict=True)
            arrays = [pa.array(column, kind) for (_, kind), column in columns]
            table.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows.clear()

    with pq.ParquetWriter(file.buffer, schema) as table:
        yield write
        flush()


def _kind(column: str) -> type:
    if column == "predicted_index":
        return int
    return float if column == "novelty" or column.startswith("probability") else str
