"""results/features_*: the features of every image and view, in folders.

table.npz holds what is true of all rows. The rows are in part-000.npz or, of many images, in 256
parts by the first byte of their content hashes, so that a new image changes one part. Where
results/images.csv is Parquet, the text of the rows is beside, in part-000.parquet.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.common import parquet
from classifier.common.errors import StageError
from classifier.dataset import npz
from classifier.dataset.lazy_array import LazyArray
from classifier.dataset.text_column import REMEDY, TextColumn

TRAIN = Path("results/features_train")
TEST = Path("results/features_test")
UNLABELLED = Path("results/features_unlabelled")
TABLE = "table.npz"
DIGESTS = "digests"  # in table.npz, of its parts
DIGEST = "digest"  # in a part, of all that its bytes depend on
LAZY = ("features", "sha256", "paths", "groups", "splits", "labels", "views")  # stay on disk
CHECKED = ("labels", "views")  # whose checksums are compared at once
TEXT = ("paths", "groups", "splits")  # UTF-8 on disk
NUMBERS = tuple(name for name in LAZY if name not in TEXT)
BLOCK = 65_536  # rows whose views are in memory at once
MAX_ROWS = 512
MAX_CHUNK = 64_000_000  # bytes

Array = np.ndarray | LazyArray


@dataclass(frozen=True)
class FeatureTable:
    """The arrays of a folder; N rows are the views of P images.

    The rows of one image are adjacent, view 0 first. Those of a part are in the order of paths.
    """

    features: Array  # float32 (N, D), or float16 (N, h, w, c) maps; left on disk
    labels: Array  # int32 (N,), index into `class_names`; -1 if unknown; left on disk
    class_names: np.ndarray  # str (C,), sorted
    sha256: Array  # S32 (N,), of the files' bytes: see `hex_hashes`; left on disk
    paths: Array  # str (N,); left on disk
    groups: Array  # str (N,), as in images.csv; empty without; left on disk
    splits: Array  # str (N,): train, validation, test or unlabelled; left on disk
    views: Array  # int32 (N,); 0: the image itself, -1: its mirror, others: copies; left on disk
    train_views: np.ndarray  # int32 (V,), the views of each training image to train on, 0 first
    tta_views: np.ndarray  # int32 (A,), the views over which predictions are averaged, 0 first
    augmentation_id: np.ndarray  # str (), what augmented copies depend on besides their images
    grey_ranges: np.ndarray  # str (), black and white of deep images: see images/conversion.py
    layers: np.ndarray  # str (L,), whose features are side by side in the columns, in network order
    layer_sizes: np.ndarray  # int32 (L,), number of columns of each; of maps: channels
    fingerprint: np.ndarray  # str (), SHA-256 of what features depend on besides the images
    weights: np.ndarray  # str (): `imagenet`, `random` or `sha256:<hash>`

    def view_rows(self, views: np.ndarray) -> np.ndarray:
        """Returns the rows, int32 (P, V), of some views of each image; view 0 for a missing one."""
        originals = self.image_rows
        rows = np.repeat(originals[:, None], len(views), axis=1)
        for column, view in enumerate(views.tolist()):
            if view:
                matches = self._rows_of(view)
                rows[np.searchsorted(originals, matches, "right") - 1, column] = matches
        return rows

    @property
    def image_rows(self) -> np.ndarray:
        """Returns the rows of the images themselves, view 0, int32 (P,)."""
        return self._rows_of(0)

    def _rows_of(self, view: int) -> np.ndarray:
        found = [np.zeros(0, np.int32)]
        for start in range(0, len(self.views), BLOCK):
            rows = start + np.flatnonzero(self.views[start : start + BLOCK] == view)
            found.append(rows.astype(np.int32))
        return np.concatenate(found)

    def layer_columns(self, names: Collection[str]) -> np.ndarray:
        """Returns the columns of the features of some layers, int (D,), in network order."""
        chosen = np.isin(self.layers, list(names))
        return np.flatnonzero(np.repeat(chosen, self.layer_sizes))


def part_path(folder: Path, number: int) -> Path:
    """Returns the path of a part, counted from 0."""
    return folder / f"part-{number:03}.npz"


def text_path(folder: Path, number: int) -> Path:
    """Returns the path of the text of a part, where it is in a file of its own."""
    return part_path(folder, number).with_suffix(".parquet")


def is_part(name: str, endings: str = "npz") -> bool:
    """Tells whether a file of the folder is a part, or with `npz|parquet` one of its files."""
    return re.fullmatch(rf"part-\d{{3}}\.({endings})", name) is not None


def read(folder: Path) -> FeatureTable:
    """Returns the table; the LAZY arrays stay on disk until they are used.

    Raises:
        StageError: a file is damaged, or from another run than the others.
        FileNotFoundError: there is no table.
    """
    path = folder / TABLE
    stored, texts = list[dict[str, npz.StoredArray]](), list[Path]()
    apart = text_path(folder, 0).exists()
    if apart:
        parquet.require(folder.as_posix())
    try:
        constants = npz.read(path)
        for number, digest in enumerate(constants.pop(DIGESTS).tolist()):
            path = part_path(folder, number)
            _require(npz.read(path, (DIGEST, *CHECKED))[DIGEST] == digest)
            stored.append(npz.stored(path, NUMBERS if apart else LAZY))
            if apart:
                path = text_path(folder, number)
                _require(parquet.read_metadata(path, REMEDY).get(DIGEST) == digest)
                texts.append(path)
        return FeatureTable(**constants, **_columns(stored, texts))
    except npz.DAMAGED as error:
        if isinstance(error, FileNotFoundError) and path.name == TABLE:
            raise
        rule = f"must be as stage `extract` wrote it; got one that cannot be read ({error})"
        raise StageError(f"{path.as_posix()}: {rule}: {REMEDY}") from error


def _require(same: bool) -> None:
    if not same:
        raise ValueError("it is from another run than table.npz")


def _columns(
    stored: Sequence[Mapping[str, npz.StoredArray]], texts: Sequence[Path]
) -> dict[str, Any]:
    """Returns the columns in LAZY, text from files of its own if there are any."""
    counts = [len(arrays["views"]) for arrays in stored]
    columns = dict[str, Any]()
    for name in LAZY:
        if texts and name in TEXT:
            columns[name] = LazyArray(TextColumn(texts, name, counts).parts, text=True)
        else:
            columns[name] = LazyArray([arrays[name] for arrays in stored], name in TEXT)
    return columns


def rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Returns how many rows of `shape` fit into MAX_CHUNK bytes; MAX_ROWS at most."""
    row = dtype.itemsize * math.prod(shape)
    return max(1, min(MAX_ROWS, MAX_CHUNK // max(1, row)))


def hex_hashes(hashes: np.ndarray) -> list[str]:
    """Returns content hashes in hexadecimal.

    Args:
        hashes: S32 (N,). NumPy drops zeros at the end of its bytes wherever it makes a Python
            object of them, so `tolist` would not do.
    """
    text = np.ascontiguousarray(hashes, "S32").tobytes().hex()
    return [text[start : start + 64] for start in range(0, len(text), 64)]


def binary_hashes(texts: Iterable[str]) -> np.ndarray:
    """Returns content hashes, S32 (N,), from hexadecimal."""
    return np.frombuffer(bytes.fromhex("".join(texts)), "S32")
