"""results/features_*.npz: the features of every image and view."""

import math
import struct
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from classifier.common import files

TRAIN = Path("results/features_train.npz")
TEST = Path("results/features_test.npz")
UNLABELLED = Path("results/features_unlabelled.npz")
LAZY = ("features", "sha256", "paths", "groups")  # arrays with many bytes per row
MAX_ROWS = 512
MAX_CHUNK = 64_000_000  # bytes


@dataclass(frozen=True)
class FeatureTable:
    """The arrays of a file; N rows are the views of P images."""

    features: "Array"  # float32 (N, D), or float16 (N, h, w, c) maps; left on disk
    labels: np.ndarray  # int32 (N,), index into `class_names`; -1 if unknown
    class_names: np.ndarray  # str (C,), sorted
    sha256: "Array"  # str (N,), of the files' bytes; left on disk
    paths: "Array"  # str (N,), sorted; rows of one image are adjacent, view 0 first; left on disk
    groups: "Array"  # str (N,), as in images.csv; empty without; left on disk
    splits: np.ndarray  # str (N,): train, validation, test or unlabelled
    views: np.ndarray  # int32 (N,); 0: the image itself, -1: its mirror image, others: copies
    train_views: np.ndarray  # int32 (V,), the views of each training image to train on, 0 first
    tta_views: np.ndarray  # int32 (A,), the views over which predictions are averaged, 0 first
    augmentation_id: np.ndarray  # str (), what augmented copies depend on besides their images
    grey_ranges: np.ndarray  # str (), black and white of deep images: see images/conversion.py
    layers: np.ndarray  # str (L,), whose features are side by side in the columns, in network order
    layer_sizes: np.ndarray  # int32 (L,), number of columns of each; of maps: channels
    fingerprint: np.ndarray  # str (), SHA-256 of what features depend on besides the images
    weights: np.ndarray  # str (): `imagenet`, `random` or `sha256:<hash>`

    def view_rows(self, views: np.ndarray) -> np.ndarray:
        """Returns the rows, int (P, V), of some views of every image; view 0 for a missing one."""
        originals = np.flatnonzero(self.views == 0)
        rows = np.repeat(originals[:, None], len(views), axis=1)
        image = np.cumsum(self.views == 0) - 1  # of each row
        for column, view in enumerate(views.tolist()):
            matches = np.flatnonzero(self.views == view)
            rows[image[matches], column] = matches
        return rows

    def layer_columns(self, names: Collection[str]) -> np.ndarray:
        """Returns the columns of the features of some layers, int (D,), in network order."""
        chosen = np.isin(self.layers, list(names))
        return np.flatnonzero(np.repeat(chosen, self.layer_sizes))


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


def read(path: Path) -> FeatureTable:
    """Returns the table; the LAZY arrays stay on disk until they are used."""
    with np.load(path, allow_pickle=False) as arrays:
        columns: dict[str, Any] = {n: arrays[n] for n in arrays.files if n not in LAZY}
    return FeatureTable(**columns | {name: lazy_array(path, name) for name in LAZY})


@dataclass(frozen=True)
class LazyArray:
    """An array in an uncompressed .npz file that reads only the rows it is indexed with.

    Each access maps the file again, so that a long run does not end with all of it in memory.
    """

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
        values = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)[rows]
        return np.array(values) if isinstance(values, np.memmap) else np.asarray(values)


Array = np.ndarray | LazyArray


def rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Returns how many rows of `shape` fit into MAX_CHUNK bytes; MAX_ROWS at most."""
    row = dtype.itemsize * math.prod(shape)
    return max(1, min(MAX_ROWS, MAX_CHUNK // max(1, row)))


def lazy_array(path: Path, name: str) -> LazyArray:
    """Returns an array of an .npz file written by `write`, without reading its values."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file)
        npy_header, entry = file.tell(), archive.getinfo(f"{name}.npy")
    with path.open("rb") as plain:  # zip's local header: 30 bytes, then name and extra field
        plain.seek(entry.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", plain.read(4))
    zip_header = 30 + name_length + extra_length
    return LazyArray(path, entry.header_offset + zip_header + npy_header, dtype, shape)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    np.lib.format.read_magic(file)  # 1.0, as `write` does
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:  # bytes from a file would become addresses in memory
        raise ValueError("it holds Python objects")
    return shape, dtype


def iter_chunks(path: Path, name: str, count: int) -> Iterator[np.ndarray]:
    """Yields an array in chunks of `count` rows; its checksum is compared after the last one.

    Raises:
        KeyError, ValueError, zipfile.BadZipFile: the file is damaged or of another format.
    """
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file)
        size = dtype.itemsize * math.prod(shape[1:])
        while data := file.read(count * size):
            yield np.frombuffer(data, dtype).reshape(-1, *shape[1:])
