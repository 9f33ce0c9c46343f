"""results/train.npz and results/test.npz: the features of every picture, and what they are of."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from stages import outputs

TRAIN = Path("results/train.npz")
TEST = Path("results/test.npz")


@dataclass(frozen=True)
class Table:
    """The arrays of a file.

    Attributes:
        features: float32 (N, D).
        labels: int32 (N,), index into `class_names`; -1 where unknown.
        class_names: str (C,), sorted.
        sha256: str (N,), of the files' bytes.
        paths: str (N,), sorted.
        views: int32 (N,); 0 is the picture itself.
        fingerprint: str (), SHA-256 of all between bytes and features.
        weights: str (): `imagenet`, `random` or `sha256:<hash>`.
    """

    features: np.ndarray
    labels: np.ndarray
    class_names: np.ndarray
    sha256: np.ndarray
    paths: np.ndarray
    views: np.ndarray
    fingerprint: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Column:
    """An array to be written: its dtype, its shape, and its rows, some at a time."""

    dtype: np.dtype
    shape: tuple[int, ...]
    chunks: Iterable[np.ndarray]

    @classmethod
    def of(cls, array: np.ndarray) -> "Column":
        """Returns the column of an array that is in memory."""
        return cls(array.dtype, array.shape, [array])


def write(path: Path, columns: Mapping[str, Column]) -> None:
    """Streams arrays to an .npz file, as NumPy would write it; no column is held in memory.

    Args:
        path: of the file, which is written whole or not at all.
        columns: by name, as Table has them.
    """
    with outputs.whole(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name, column in columns.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # its date is 1980 whatever the clock says
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
    if values != np.prod(column.shape, dtype=int):
        raise ValueError(f"{name}: {values} values for shape {column.shape}")


def read(path: Path) -> Table:
    """Returns the whole table, features included."""
    with np.load(path, allow_pickle=False) as arrays:
        return Table(**{name: arrays[name] for name in arrays.files})


def stream(path: Path, name: str, count: int) -> Iterator[np.ndarray]:
    """Yields `count` rows of an array at a time; it is checked once the last is out.

    Raises:
        KeyError, ValueError, zipfile.BadZipFile: the file is not whole, or not of this format.
    """
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{path}: {name} is not of NumPy's format 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        size = dtype.itemsize * int(np.prod(shape[1:], dtype=int))
        while data := file.read(count * size):
            yield np.frombuffer(data, dtype).reshape(-1, *shape[1:])
