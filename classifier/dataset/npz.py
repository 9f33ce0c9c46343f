"""Uncompressed .npz files: written without holding an array in memory, and read in part."""

import math
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from classifier.common import files
from classifier.common.disk_array import read_rows

# what reading a damaged file raises
DAMAGED = (OSError, EOFError, KeyError, TypeError, ValueError, struct.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class Column:
    """An array to write: its dtype, its shape, and its rows in chunks."""

    dtype: np.dtype
    shape: tuple[int, ...]
    chunks: Iterable[np.ndarray]

    @classmethod
    def from_array(cls, array: np.ndarray) -> "Column":
        """Returns the column of an array in memory."""
        return cls(array.dtype, array.shape, [array])


def write(path: Path, columns: Mapping[str, Column]) -> None:
    """Streams arrays to an .npz file, as NumPy would write it; no column is held in memory."""
    with files.atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name, column in columns.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: equal arrays make equal files
            with archive.open(entry, "w", force_zip64=True) as file:
                _write(file, name, column)


def _write(file: IO[bytes], name: str, column: Column) -> None:
    descr = np.lib.format.dtype_to_descr(column.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": column.shape}
    np.lib.format.write_array_header_1_0(file, header)
    values = 0
    for chunk in column.chunks:
        file.write(np.ascontiguousarray(chunk, column.dtype).tobytes())
        values += chunk.size
    if values != math.prod(column.shape):
        raise ValueError(f"{name}: {values} values for shape {column.shape}")


@dataclass(frozen=True)
class StoredArray:
    """An array in an uncompressed file that reads only the rows it is indexed with."""

    path: Path
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns rows, like a NumPy array, but always a copy."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)[rows]
        with self.path.open("rb", buffering=0) as file:
            return read_rows(file, self.offset, self.dtype, self.shape, rows)


def stored(path: Path, names: Sequence[str]) -> dict[str, StoredArray]:
    """Returns some arrays of a file written by `write`, without reading their values.

    Raises:
        one of DAMAGED: the file is damaged or of another format.
    """
    with zipfile.ZipFile(path) as archive, path.open("rb") as plain:
        return {name: _stored(archive, plain, path, name) for name in names}


def stored_npy(path: Path) -> StoredArray:
    """Returns the array of an .npy file, without reading its values."""
    with path.open("rb") as file:
        shape, dtype = _read_header(file)
        return StoredArray(path, file.tell(), dtype, shape)


def _stored(archive: zipfile.ZipFile, plain: IO[bytes], path: Path, name: str) -> StoredArray:
    with archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file)
        npy_header, entry = file.tell(), archive.getinfo(f"{name}.npy")
    plain.seek(entry.header_offset + 26)  # of zip's local header: 30 bytes, name and extra field
    name_length, extra_length = struct.unpack("<HH", plain.read(4))
    zip_header = 30 + name_length + extra_length
    return StoredArray(path, entry.header_offset + zip_header + npy_header, dtype, shape)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    np.lib.format.read_magic(file)  # 1.0, as `write` does
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:  # bytes from a file would become addresses in memory
        raise ValueError("it holds Python objects")
    return shape, dtype


def read(path: Path, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Returns the arrays of a file, or those named; their checksums are compared.

    Raises:
        one of DAMAGED: the file is damaged or of another format.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names or arrays.files}


def iter_chunks(path: Path, name: str, count: int) -> Iterator[np.ndarray]:
    """Yields an array in chunks of `count` rows; its checksum is compared after the last one.

    Raises:
        one of DAMAGED: the file is damaged or of another format.
    """
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file)
        size = dtype.itemsize * math.prod(shape[1:])
        while data := file.read(count * size):
            yield np.frombuffer(data, dtype).reshape(-1, *shape[1:])
