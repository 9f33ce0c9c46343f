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
    types = (known.get(kind) or pa.type_for_alias(kind) for kind in columns.values())
    schema = pa.schema(list(zip(columns, types, strict=True)), metadata=metadata)
    settings = {"compression": "zstd", "write_page_checksum": True}
    with ParquetWriter(file, schema, **settings) as table:
        rows = _Rows(table, schema)
        yield rows.write
        rows.flush()


class _Rows:
    """Packs rows into batches, in a fraction of their memory, and writes these in groups."""

    def __init__(self, table: Any, schema: Any) -> None:
        self._table, self._schema = table, schema
        self._rows, self._batches = list[Sequence[Any]](), list[Any]()

    def write(self, row: Sequence[Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS:
            self._pack()
            if len(self._batches) * ROWS >= GROUP:
                self.flush()

    def flush(self) -> None:
        from pyarrow import Table

        self._pack()
        if self._batches:
            self._table.write_table(Table.from_batches(self._batches), GROUP)
            self._batches.clear()

    def _pack(self) -> None:
        from pyarrow import array, record_batch

        if self._rows:
            columns = zip(zip(*self._rows, strict=True), self._schema.types, strict=True)
            arrays = [array(cells, kind) for cells, kind in columns]
            self._batches.append(record_batch(arrays, self._schema))
            self._rows.clear()


def iter_batches(
    path: Path, columns: Sequence[str] | None = None, remedy: str = "", name: str = ""
) -> Iterator[dict[str, list[Any]]]:
    """Yields the columns, or some of them, of up to ROWS rows at a time.

    Args:
        path: of the file.
        columns: names; None: all.
        remedy: for a file that is damaged.
        name: of the file in messages; its path by default.

    Raises:
        StageError: the file is damaged or no Parquet, or the package is missing.
        OSError: there is no such file, or it cannot be read.
    """
    with _opened(path, remedy, name) as file:
        for batch in file.iter_batches(ROWS, columns=columns, use_threads=False):
            yield batch.to_pydict()


def read_metadata(path: Path, remedy: str = "") -> dict[str, str]:
    """Returns the texts that were written with a table; raises what `iter_batches` does."""
    with _opened(path, remedy) as file:
        found = file.schema_arrow.metadata or {}
        return {name.decode(): text.decode() for name, text in found.items()}


def check(path: Path) -> None:
    """Compares the checksums of all pages; raises what `iter_batches` does."""
    with _opened(path) as file:
        for _ in file.iter_batches(ROWS, use_threads=False):
            pass


@contextmanager
def _opened(path: Path, remedy: str = "", name: str = "") -> Iterator[Any]:
    place = name or path.as_posix()
    require(place)
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with path.open("rb") as source:  # its errors name the file, PyArrow's do not
        try:
            # by default it keeps all that it has read, and 30 MiB for threads
            options = {"pre_buffer": False, "page_checksum_verification": True}
            with ParquetFile(source, **options) as file:
                yield file
        except (ArrowException, OSError, ValueError) as error:
            rule = f"must be Parquet; got {error}" + (f": {remedy}" if remedy else "")
            raise StageError(f"{place}: {rule}") from None
