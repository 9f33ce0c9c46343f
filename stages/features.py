"""results/train.npz and results/test.npz: the features of every picture, and what they are of."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages import outputs

TRAIN = Path("results/train.npz")
TEST = Path("results/test.npz")


@dataclass(frozen=True)
class Pictures:
    """What a table of features is of.

    Attributes:
        labels: int32 (N,), index into `class_names`; -1 where unknown.
        class_names: str (C,), sorted.
        sha256: str (N,), of the files' bytes.
        paths: str (N,), sorted.
        views: int32 (N,); 0 is the picture itself.
        fingerprint: str (), SHA-256 of all between bytes and features.
        weights: str (): `imagenet`, `random` or `sha256:<hash>`.
    """

    labels: np.ndarray
    class_names: np.ndarray
    sha256: np.ndarray
    paths: np.ndarray
    views: np.ndarray
    fingerprint: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Table(Pictures):
    """The pictures with their `features`: float32 (N, D), or float16 (N, h, w, c) for maps."""

    features: np.ndarray


def write(
    path: Path,
    pictures: Pictures,
    dimensions: tuple[int, ...],
    batches: Iterable[np.ndarray],
) -> tuple[int, ...]:
    """Streams the features to an .npz file and returns their shape; nothing is held in memory.

    Args:
        path: of the file, which is written whole or not at all.
        pictures: what the features are of.
        dimensions: shape of one picture's features.
        batches: float32 (n, *dimensions) each, N rows in all.
    """
    shape = (len(pictures.paths), *dimensions)
    with outputs.whole(path) as part, zipfile.ZipFile(part, "w") as archive:
        with archive.open(_entry("features"), "w", force_zip64=True) as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            rows = 0
            for batch in batches:
                file.write(np.ascontiguousarray(batch, "<f4").tobytes())
                rows += len(batch)
        if rows != len(pictures.paths):
            raise ValueError(f"{rows} rows of features for {len(pictures.paths)} pictures")
        for name, array in vars(pictures).items():
            with archive.open(_entry(name), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return shape


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"{name}.npy")  # its date is 1980 whatever the clock says


def read(path: Path) -> Table:
    """Returns the whole table, features included."""
    with np.load(path, allow_pickle=False) as arrays:
        return Table(**{name: arrays[name] for name in arrays.files})
