"""Drawn images of 100 classes, and what a stub of the network makes of them.

Each image has 24 bytes, its class and its number in all; the features are a point near that of the
class in 64 dimensions, seen through 2,048 fixed directions, and noise.
"""

import functools
import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from classifier.common import files, params
from classifier.dataset import manifest, problems, warnings
from classifier.dataset.manifest import ImageRow
from classifier.images import perceptual_hash
from stages.validate.params import Params

CLASSES = 100
SIDE = 8  # pixels
PER_FOLDER = 10_000  # files
DIMENSIONS = 64
SPREAD = 0.56  # of the classes, in standard deviations of their images
NOISE = 0.3


def code(number: int) -> bytes:
    """Returns 32 bytes that are different for every image; the last one is its class."""
    return hashlib.sha256(str(number).encode()).digest()[:-1] + bytes([number % CLASSES])


def png(number: int) -> bytes:
    """Returns an image of 8x8 pixels, in each row the last 24 bytes of its code."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    rows = (b"\0" + code(number)[-3 * SIDE :]) * SIDE
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def features(codes: np.ndarray, columns: int) -> np.ndarray:
    """Returns the features of images, float32 (n, `columns`).

    Args:
        codes: uint8 (n, k), the last bytes of their codes.
        columns: number of features.
    """
    centres, directions = _space(columns)
    seeds = codes[:, -9:-1].copy().view(np.uint64).ravel().tolist()
    noise = np.empty((len(codes), DIMENSIONS + columns), np.float32)
    for row, seed in zip(noise, seeds, strict=True):
        np.random.Generator(np.random.SFC64(seed)).standard_normal(dtype=np.float32, out=row)
    points = centres[codes[:, -1]] + noise[:, :DIMENSIONS]
    return np.maximum(points @ directions + NOISE * noise[:, DIMENSIONS:], 0)


@functools.cache
def _space(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the centres of the classes, (100, 64), and the directions, (64, columns)."""
    rng = np.random.default_rng(0)
    centres = SPREAD * rng.standard_normal((CLASSES, DIMENSIONS), np.float32)
    directions = rng.standard_normal((DIMENSIONS, columns), np.float32) / DIMENSIONS**0.5
    return centres, directions


def split_of(number: int, test: float) -> str:
    """Returns the split of an image; a fraction `test` of all are test images."""
    return "test" if (number + number // CLASSES) % round(1 / test) == 0 else "train"


def path_of(number: int, test: float) -> Path:
    """Returns the path of an image, in folders of PER_FOLDER files at most."""
    parts = split_of(number, test), f"class {number % CLASSES:02}"
    name = f"{number // PER_FOLDER // CLASSES:04}/{number:09}.png"
    return Path("input", *parts, name)


def draw(folder: Path, numbers: Iterable[int], test: float) -> None:
    """Draws images below the input/ of a folder."""
    made = set[Path]()
    (folder / "input").mkdir(exist_ok=True)
    for number in numbers:
        path = folder / path_of(number, test)
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_bytes(png(number))


def in_path_order(count: int, test: float) -> Iterator[ImageRow]:
    """Yields the rows of results/images.csv."""
    for split in ("test", "train"):
        for label in range(CLASSES):
            for number in range(label, count, CLASSES):
                if split_of(number, test) == split:
                    path, sha256 = path_of(number, test).as_posix(), code(number).hex()
                    name = f"class {label:02}"
                    yield ImageRow(path, split, name, sha256, SIDE, SIDE, "PNG")


def write_tables(count: int, test: float) -> None:
    """Writes what `validate` would write, without reading a file."""
    as_parquet = params.load("validate", Params).as_parquet(count)
    with (
        manifest.replace(manifest.PATH, as_parquet) as part,
        manifest.open_writer(part) as write_row,
        perceptual_hash.open_writer(perceptual_hash.PATH) as write_hash,
    ):
        for row in in_path_order(count, test):
            write_row(row)
            write_hash(hashlib.sha256(row.sha256.encode()).digest())
    with manifest.replace(manifest.UNLABELLED, as_parquet) as part, manifest.open_writer(part):
        pass
    problems.write(problems.PATH, [])
    warnings.write(warnings.PATH, [])
    files.write_json(Path("results/dataset.json"), {"images": count})
