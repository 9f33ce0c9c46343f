"""results/perceptual_hashes.npy: what each image looks like, in 256 bits, by which altered copies are known.

The signs of an image's lowest frequencies: resizing and compressing change few of them, mirroring
flips known ones. The idea is that of perceptual hashes (Zauner 2010, pHash), with more bits.
"""

from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.images.decode import Pixels

PATH = Path("results/perceptual_hashes.npy")
SIDE = 16  # frequencies each way
BYTES = SIDE * SIDE // 8
PLAIN = 4.0  # grey levels, standard deviation: signs below are those of noise
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
ODD = np.packbits(np.arange(SIDE * SIDE) % SIDE % 2 == 1)  # across: signs that mirroring flips


def perceptual_hash(pixels: Pixels) -> bytes:
    """Returns the 256 bits of an image; the first, of no frequency, tells that it is plain.

    Args:
        pixels: uint8 (h, w, 3), RGB.
    """
    grey = pixels @ LUMA  # (h, w)
    found = _waves(grey.shape[0]) @ grey @ _waves(grey.shape[1]).T  # (SIDE, SIDE)
    bits = (found > 0).ravel()
    bits[0] = grey.std() < PLAIN
    return np.packbits(bits).tobytes()


def hash_distance(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how far images are from others, and from their mirror images: 0 to 1.

    0 is the same, one half is chance. A plain image is as far as can be from every other.

    Args:
        one: uint8 (N, 32), looks.
        other: likewise, compared row by row.
    """
    differ = one ^ other
    plain = ((one[:, 0] | other[:, 0]) & 0x80) > 0
    differ[:, 0] &= 0x7F
    straight, mirrored = (_ones(differ ^ flip) / (8 * BYTES - 1) for flip in (0 * ODD, ODD))
    return np.where(plain, 1.0, straight), np.where(plain, 1.0, mirrored)


def write(path: Path, looks: bytes | bytearray) -> None:
    """Writes the looks, one after the other as results/images.csv has them, as uint8 (N, 32)."""
    array = np.frombuffer(looks, np.uint8).reshape(-1, BYTES)
    with files.atomic_write(path) as part, part.open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def read(path: Path) -> np.ndarray:
    """Returns the looks, uint8 (N, 32)."""
    return np.asarray(np.load(path, allow_pickle=False))


def _ones(bits: np.ndarray) -> np.ndarray:
    """Returns how many bits are set in each row."""
    return np.asarray(np.bitwise_count(bits).sum(axis=1, dtype=np.int64))


def _waves(length: int) -> np.ndarray:
    """Returns the lowest cosines of the DCT-II, float64 (SIDE, length)."""
    place = (2 * np.arange(length) + 1) / (2 * length)
    return np.cos(np.pi * np.arange(SIDE)[:, None] * place)
