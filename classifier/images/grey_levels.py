"""Black and white of grey images with more than 8 bits, since their files seldom tell them.

A 16-bit file may hold 10, 12 or 14 bits, a 32-bit one decibels or reflectance. One range for all
images of a kind keeps them comparable: `validate` finds it from the training images.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image

DEEP16, DEEP32 = KINDS = ("16-bit", "32-bit")  # unsigned; floats and signed or longer integers
WHITES = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 16))
EXTREMES = (0.1, 99.9)  # percentiles of an image's values: a few odd pixels do not count
USUAL = (5, 95)  # percentiles of the images' extremes: a few odd images do not count
FAR = 4
SAMPLE = 1_000_000  # pixels of an image that are looked at
BAND = 4_000_000  # pixels in memory at once


class Range(NamedTuple):
    """Values from black to white."""

    black: float
    white: float


Ranges = Mapping[str, Range]  # by kind


def kind(image: Image.Image) -> str:
    """Returns one of KINDS, or nothing for an image of 8 bits."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return DEEP16
    return DEEP32 if image.mode in ("I", "F") or image.mode.startswith(("I;", "F;")) else ""


def extremes(image: Image.Image) -> Range:
    """Returns the darkest and the brightest value of an image, odd pixels aside.

    Raises:
        ValueError: a value is not a finite number.
    """
    rows = max(1, BAND // image.width)
    step = max(1, image.width * image.height // SAMPLE)
    sample = []
    for start in range(0, image.height, rows):
        band = image.crop((0, start, image.width, min(start + rows, image.height)))
        values = np.asarray(band, np.float32).ravel()
        if not np.isfinite(values).all():
            raise ValueError("some grey levels are not finite numbers")
        sample.append(values[::step])
    values = np.concatenate(sample)
    low = np.percentile(values, EXTREMES[0], method="lower")
    return Range(float(low), float(np.percentile(values, EXTREMES[1], method="higher")))


def range_of(kind: str, found: Range) -> Range:
    """Returns black and white of images of a kind with values in `found`.

    That is the range of 8, 10, 12, 14 or 16 bits, or from 0 to 1 for fractions; other 32-bit
    images are stretched to the values found.
    """
    low, high = found
    if kind == DEEP16:
        return Range(0.0, next((white for white in WHITES if high <= white), WHITES[-1]))
    if low >= 0 and high <= 1:
        return Range(0.0, 1.0)
    if low >= 0 and (white := next((w for w in WHITES if w / 2 < high <= w), 0.0)):
        return Range(0.0, white)
    return found if high > low else Range(low, low + 1)


def range_of_set(kind: str, extremes: np.ndarray) -> Range:
    """Returns black and white of a set, from the extremes of each of its images, float (N, 2).

    An image counts unless it exceeds the usual range by FAR times its width.
    """
    lows, highs = extremes.T
    if len(extremes) < 3:
        return range_of(kind, Range(float(lows.min()), float(highs.max())))
    low = np.percentile(lows, USUAL[0], method="higher")
    high = np.percentile(highs, USUAL[1], method="lower")
    span = FAR * max(high - low, 1e-6 * abs(high))
    near = Range(float(lows[lows >= low - span].min()), float(highs[highs <= high + span].max()))
    return range_of(kind, near)


def to_grey(image: Image.Image, levels: Range) -> Image.Image:
    """Returns a 16- or 32-bit image in 8 bits, its transparent colour in white."""
    deep = np.asarray(image, np.float32)
    values = (deep - np.float32(levels.black)) * (255 / (levels.white - levels.black)) + 0.5
    grey = np.clip(values, 0, 255).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[deep == transparent] = 255
    return Image.fromarray(grey)
