"""results/perceptual_hashes.npy: 256 bits per image that few alterations change.

A bit is the sign of one of an image's lowest frequencies: resizing and compressing change few of
them, and mirroring flips known ones. This is pHash (Zauner 2010) with more bits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from classifier.common import files
from classifier.images.decode import Pixels

PATH = Path("results/perceptual_hashes.npy")
SIDE = 16  # frequencies in each direction
BYTES = SIDE * SIDE // 8
MIN_CONTRAST = 4.0  # standard deviation in grey levels; below it the signs are noise
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
MIRRORED = np.packbits(np.arange(SIDE * SIDE) % SIDE % 2 == 1)  # bits that mirroring flips


def perceptual_hash(pixels: Pixels) -> bytes:
    """Returns the 256 bits of an image; the first one is set if it has too little contrast."""
    grey = pixels @ LUMA  # (h, w)
    frequencies = _cosines(grey.shape[0]) @ grey @ _cosines(grey.shape[1]).T  # (SIDE, SIDE)
    bits = (frequencies > 0).ravel()
    bits[0] = grey.std() < MIN_CONTRAST
    return np.packbits(bits).tobytes()


def hash_distance(hashes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distances of images to others, and to their mirror images, from 0 to 1.

    0 means the same, 0.5 is expected by chance. An image of too little contrast is at distance 1
    from every other. `hashes` and `others`, uint8 (N, 32), are compared row by row.
    """
    difference = hashes ^ others
    plain = ((hashes[:, 0] | others[:, 0]) & 0x80) > 0
    difference[:, 0] &= 0x7F
    straight, mirrored = (
        np.bitwise_count(bits).sum(axis=1, dtype=np.int64) / (8 * BYTES - 1)
        for bits in (difference, difference ^ MIRRORED)
    )
    return np.where(plain, 1.0, straight), np.where(plain, 1.0, mirrored)


@contextmanager
def open_writer(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Yields a function that writes the next hashes of results/images.csv: uint8 (N, 32) in all.

    Raises:
        ValueError: their bytes are no whole number of hashes.
    """
    with files.atomic_write(path) as part, part.open("wb") as file:
        _write_header(file, 0)
        start = file.tell()
        yield file.write
        count, rest = divmod(file.tell() - start, BYTES)
        if rest:
            raise ValueError(f"hashes must have {BYTES} bytes each; got {rest} too many")
        file.seek(0)
        _write_header(file, count)  # as long as the first one: NumPy leaves room for the number


def _write_header(file: IO[bytes], count: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, BYTES)}
    np.lib.format.write_array_header_1_0(file, header)


def _cosines(length: int) -> np.ndarray:
    """Returns the lowest basis functions of the DCT-II, float64 (SIDE, length)."""
    place = (2 * np.arange(length) + 1) / (2 * length)
    return np.cos(np.pi * np.arange(SIDE)[:, None] * place)
