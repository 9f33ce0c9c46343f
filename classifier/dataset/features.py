"""results/features_train.npz and results/features_test.npz: the features of every image, and what they are of."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from classifier.common import files

TRAIN = Path("results/features_train.npz")
TEST = Path("results/features_test.npz")
LAZY = ("features", "sha256", "paths")  # columns of many bytes a row
IN_MEMORY = 64_000_000  # bytes of features


@dataclass(frozen=True)
class FeatureTable:
    """The arrays of a file.

    Attributes:
        features: float32 (N, D), or float16 (N, h, w, c) maps; on disk until rows are asked for.
        labels: int32 (N,), index into `class_names`; -1 where unknown.
        class_names: str (C,), sorted.
        sha256: str (N,), of the files' bytes; on disk likewise.
        paths: str (N,), sorted; the views of an image stand together, itself first; on disk.
        views: int32 (N,); 0 is the image itself, -1 mirrored, others are altered copies.
        train_views: int32 (V,), the views of a training image to learn from, 0 first.
        tta_views: int32 (A,), the views over which predictions are averaged, 0 first.
        augmentation_id: str (), all that augmented copies depend on besides their images.
        fingerprint: str (), SHA-256 of all between bytes and features.
        weights: str (): `imagenet`, `random` or `sha256:<hash>`.
    """

    features: "np.ndarray | LazyArray"
    labels: np.ndarray
    class_names: np.ndarray
    sha256: "np.ndarray | LazyArray"
    paths: "np.ndarray | LazyArray"
    views: np.ndarray
    train_views: np.ndarray
    tta_views: np.ndarray
    augmentation_id: np.ndarray
    fingerprint: np.ndarray
    weights: np.ndarray

    def view_rows(self, views: np.ndarray) -> np.ndarray:
        """Returns the rows of these views of every image, int (P, V), images in their order.

        A view that an image lacks is replaced by the image itself.

        Args:
            views: int (V,), 0 first.
        """
        itself = np.flatnonzero(self.views == 0)
        rows = np.repeat(itself[:, None], len(views), axis=1)
        image = np.cumsum(self.views == 0) - 1  # of each row: its views stand together
        for column, view in enumerate(views.tolist()):
            of = np.flatnonzero(self.views == view)
            rows[image[of], column] = of
        return rows


@dataclass(frozen=True)
class Column:
    """An array to be written: its dtype, its shape, and its rows, some at a time."""

    dtype: np.dtype
    shape: tuple[int, ...]
    chunks: Iterable[np.ndarray]

    @classmethod
    def from_array(cls, array: np.ndarray) -> "Column":
        """Returns the column of an array that is in memory."""
        return cls(array.dtype, array.shape, [array])


def write(path: Path, columns: Mapping[str, Column]) -> None:
    """Streams arrays to an .npz file, as NumPy would write it; no column is held in memory.

    Args:
        path: of the file, which is written whole or not at all.
        columns: by name, as Table has them.
    """
    with files.atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive:
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


def read(path: Path) -> FeatureTable:
    """Returns the table; what is long stays on disk until it is used."""
    with np.load(path, allow_pickle=False) as arrays:
        columns: dict[str, Any] = {n: arrays[n] for n in arrays.files if n not in LAZY}
    return FeatureTable(**columns | {name: lazy_array(path, name) for name in LAZY})


@dataclass(frozen=True)
class LazyArray:
    """An array in an uncompressed .npz, of which only the rows asked for are read.

    It is mapped anew each time, so that a long run does not end with all of it in memory.
    """

    path: Path
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Returns the number of dimensions."""
        return len(self.shape)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns rows, as NumPy's own arrays do, but always a copy."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)[rows]
        found = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)[rows]
        return np.array(found) if isinstance(found, np.memmap) else np.asarray(found)

    def tolist(self) -> list[Any]:
        """Returns all of it, as a list."""
        found: list[Any] = self[:].tolist()
        return found

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Returns all of it."""
        return self[:].astype(dtype or self.dtype, copy=False)


Array = np.ndarray | LazyArray


def rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype, most: int = 512) -> int:
    """Returns how many rows of features to hold in memory: `most`, or fewer if they are large."""
    row = dtype.itemsize * int(np.prod(shape, dtype=int))
    return max(1, min(most, IN_MEMORY // max(1, row)))


def lazy_array(path: Path, name: str) -> LazyArray:
    """Returns an array of an .npz that `write` made, without reading it."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{path}: {name} is not of NumPy's format 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        before, entry = file.tell(), archive.getinfo(f"{name}.npy")
    with path.open("rb") as plain:  # the header in the archive, of 30 bytes, then name and extra
        plain.seek(entry.header_offset + 26)
        lengths = plain.read(4)
    skipped = 30 + sum(int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
    return LazyArray(path, entry.header_offset + skipped + before, dtype, shape)


def iter_chunks(path: Path, name: str, count: int) -> Iterator[np.ndarray]:
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
