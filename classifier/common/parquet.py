"""Tables as Parquet, for which pyarrow must be installed: it is imported when it is used."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Protocol

from classifier.common.errors import StageError

PACKAGE = "pyarrow"
ROWS = 10_000  # in memory at once, as Python objects
GROUP = 100_000  # that are compressed together
HASH = "sha256"  # type of 32 bytes


class WriteRow(Protocol):
    """Writes a row."""

    def __call__(self, row: Sequence[Any]) -> None:
        """Writes the cells of a row, None for none."""


def is_installed() -> bool:
    """Tells whether the package that reads and writes Parquet is there."""
    return find_spec(PACKAGE) is not None


def require(place: str) -> None:
    """Raises a StageError that names the place and the remedy unless the package is installed."""
    if not is_installed():
        raise StageError(f"{place}: needs {PACKAGE}; run `pip install {PACKAGE}`")


@contextmanager
def open_writer(
    file: Path | IO[bytes], columns: Mapping[str, str], metadata: Mapping[str, str] | None = None
) -> Iterator[WriteRow]:
    """Yields a function that writes a row; the same rows give the same bytes.

    Args:
        file: a path, or a file that is open for writing.
        columns: the types of the columns by name, in PyArrow's words: string, int32; or HASH.
        metadata: texts by name.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    known = {HASH: pa.binary(32)}
    types = [known.get(kind) or pa.type_for_alias(kind) for kind in columns.values()]
    schema = pa.schema(list(zip(columns, types, strict=True)), metadata=metadata)
    rows, batches = list[Sequence[Any]](), list[Any]()

    def pack() -> None:
        """Turns rows into a batch, in a fraction of the memory."""
        if rows:
            cells = zip(zip(*rows, strict=True), types, strict=True)
            batches.append(pa.record_batch([pa.array(*column) for column in cells], schema))
            rows.clear()

    def flush() -> None:
        pack()
        if batches:
            table.write_table(pa.Table.from_batches(batches), GROUP)
            batches.clear()

    def write(row: Sequence[Any]) -> None:
        rows.append(row)
        if len(rows) == ROWS:
            pack()
            if len(batches) * ROWS >= GROUP:
                flush()

    with ParquetWriter(file, schema, compression="zstd") as table:
        yield write
        flush()


def iter_batches(path: Path, place: str = "") -> Iterator[dict[str, list[Any]]]:
    """Yields the columns of up to ROWS rows at a time.

    Args:
        path: of the file.
        place: how errors name it; default: as `path`.

    Raises:
        StageError: the file is damaged or no Parquet, or the package is missing.
    """
    place = place or path.as_posix()
    require(place)
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                yield batch.to_pydict()
    except (ArrowException, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise StageError(f"{place}: must be Parquet; got {error}") from None
