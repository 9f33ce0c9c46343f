"""What is unusual about a usable image, which is kept but reported.

To add a check, write its function in a module of its own and list it in CHECKS.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from classifier.images.decode import DecodedImage

MIN_SIDE = 32  # pixels
MAX_RATIO = 5  # of the longer side to the shorter
PLAIN_LEVELS = 1  # by which the values of a plain image may differ, of 255
LOW_RANGE = 16


@dataclass(frozen=True)
class Check:
    """Looks for one kind of problem.

    `find` returns the problem's detail, a sentence, or None. It runs in a worker process, where
    images are decoded to 64 x 64 pixels; width and height are those of the file.
    """

    code: str  # column `problem` of results/problems.csv
    version: int  # to raise when the results change; images are then decoded and checked again
    meaning: str  # as in docs/reference/problems-and-findings.md
    find: Callable[[DecodedImage], str | None]


def tiny(image: DecodedImage) -> str | None:
    """Returns the size of an image whose shorter side is below MIN_SIDE."""
    if min(image.width, image.height) >= MIN_SIDE:
        return None
    return f"{image.width:,} x {image.height:,} pixels: shorter side below {MIN_SIDE} pixels"


def extreme_shape(image: DecodedImage) -> str | None:
    """Returns the size of an image whose aspect ratio is above MAX_RATIO."""
    short, long = sorted((image.width, image.height))
    if long <= MAX_RATIO * short:
        return None
    size = f"{image.width:,} x {image.height:,} pixels"
    return f"{size}: aspect ratio above {MAX_RATIO}:1, distorted by resizing"


def plain(image: DecodedImage) -> str | None:
    """Returns the colour of an image that has only one."""
    levels = image.pixels.reshape(-1, 3)
    if np.ptp(levels, axis=0).max() > PLAIN_LEVELS:
        return None
    red, green, blue = levels[0].tolist()
    white = "; transparent pixels become white" if min(red, green, blue) == 255 else ""
    return f"all pixels have one colour: red {red}, green {green}, blue {blue}{white}"


def low_range(image: DecodedImage) -> str | None:
    """Returns the range of an image whose values are all in a sixteenth of what is possible."""
    low, high = int(image.pixels.min()), int(image.pixels.max())
    if high - low >= LOW_RANGE or plain(image):
        return None
    return f"all values are between {low} and {high} of 255: nearly no contrast"


DISTORTED = f"the aspect ratio is above {MAX_RATIO}:1, so resizing distorts the image"
CHECKS = (
    Check("tiny", 1, f"the shorter side is below {MIN_SIDE} pixels", tiny),
    Check("extreme_shape", 1, DISTORTED, extreme_shape),
    Check("plain", 1, "all pixels have one colour; transparent pixels become white", plain),
    Check("low_range", 1, "the values take up less than a sixteenth of their range", low_range),
)
