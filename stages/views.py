"""Views of a picture: altered copies, each a function of the picture's content and its number."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from stages import params, rows
from stages.averaging import ITSELF, MIRRORED, Averaging
from stages.images import Pixels
from stages.manifest import Row

Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Alterations:
    """How far a view may differ from its picture; 0 everywhere, and it does not.

    The names and meanings are those of Keras's ImageDataGenerator; only `shear_range` is in
    radians, as Keras had it until 2017, and not in degrees.
    """

    rotation_range: float  # degrees, either way
    width_shift_range: float  # share of the width, either way
    height_shift_range: float  # share of the height, either way
    shear_range: float  # radians, either way
    zoom_range: float  # either way of 1, in width and height apart
    horizontal_flip: bool  # every other view is mirrored
    seed: int  # of the drawing

    def __post_init__(self) -> None:
        for name, most in (
            ("rotation_range", 180),
            ("width_shift_range", 1),
            ("height_shift_range", 1),
            ("shear_range", 1),
            ("zoom_range", 0.9),
            ("seed", 2**32 - 1),
        ):
            value = getattr(self, name)
            params.require(0 <= value <= most, f"extract.{name}", f"0 to {most}", value)


@dataclass(frozen=True)
class Copies(Alterations):
    """Which views there are of a picture to learn from."""

    augmented_copies: int  # altered copies of each

    def __post_init__(self) -> None:
        super().__post_init__()
        rule, copies = "0 or more", self.augmented_copies
        params.require(copies >= 0, "extract.augmented_copies", rule, copies)

    def drawing(self) -> str:
        """Returns all that an altered copy hangs on besides the picture: ranges, seed and code."""
        ranges = [float(getattr(self, field.name)) for field in fields(Alterations)]
        code = Path(__file__).read_bytes().replace(b"\r\n", b"\n")
        return f"{ranges} {hashlib.sha256(code).hexdigest()}"


class View(NamedTuple):
    """A view to be had.

    Attributes:
        row: of the picture.
        number: 1 or more for an altered copy; or ITSELF, or MIRRORED.
        drawing: all that an altered copy hangs on besides.
    """

    row: Row
    number: int
    drawing: str = ""

    @property
    def key(self) -> bytes:
        """Returns what its features are found by in the image store."""
        return rows.key(self.row.sha256, self.number, self.drawing)


def of(pictures: Iterable[Row], copies: Copies, averaging: Averaging) -> Iterator[View]:
    """Yields the views of the pictures, those of a picture one after the other, ITSELF first."""
    drawing = copies.drawing()
    averaged = averaging.numbers()
    learned = list(dict.fromkeys([*averaged, *range(1, copies.augmented_copies + 1)]))
    for row in pictures:
        for number in learned if row.split == "train" else averaged:
            yield View(row, number, drawing)


def fractions(sha256: str, number: int, seed: int) -> Iterator[float]:
    """Yields 8 numbers of 0 to less than 1 for a view, the same on every machine."""
    digest = hashlib.sha256(f"{sha256} {number} {seed}".encode()).digest()
    return (int.from_bytes(digest[at : at + 4], "big") / 2**32 for at in range(0, 32, 4))


def matrix(sha256: str, number: int, alterations: Alterations, height: int, width: int) -> Matrix:
    """Returns where each pixel of a view comes from: `(a x + b y + c, d x + e y + f)`.

    Rotation, shift, shear and zoom about the centre are drawn evenly from their ranges and
    composed in this order, as in Keras's `apply_affine_transform`; then some are mirrored.

    Args:
        sha256: of the picture.
        number: of the view, 1 or more.
        alterations: the ranges.
        height: of the picture, in pixels.
        width: likewise.
    """
    drawn = fractions(sha256, number, alterations.seed)

    def within(reach: float) -> float:
        return reach * (2 * next(drawn) - 1)

    turn = math.radians(within(alterations.rotation_range))
    right = within(alterations.width_shift_range) * width
    down = within(alterations.height_shift_range) * height
    shear = within(alterations.shear_range)
    wide, tall = (1 + within(alterations.zoom_range) for _ in range(2))
    mirrored = alterations.horizontal_flip and next(drawn) < 0.5
    cos, sin = math.cos(turn), math.sin(turn)
    rotated = np.array([[cos, -sin], [sin, cos]])  # acts on (x, y)
    sheared = np.array([[1, -math.sin(shear)], [0, math.cos(shear)]])
    linear = rotated @ sheared @ np.diag([-wide if mirrored else wide, tall])
    middle = np.array([width / 2, height / 2])
    c, f = (middle + rotated @ (right, down) - linear @ middle).tolist()
    (a, b), (d, e) = linear.tolist()
    return a, b, c, d, e, f


def altered(pixels: Pixels, sha256: str, number: int, alterations: Alterations) -> Pixels:
    """Returns a view of the picture.

    Interpolated bilinearly; what lies outside of the picture is like the nearest pixel inside.

    Args:
        pixels: uint8 (H, W, 3).
        sha256: of the picture's file.
        number: of the view.
        alterations: how far it may differ.

    Returns:
        uint8 (H, W, 3).
    """
    if number == ITSELF:
        return pixels
    if number == MIRRORED:
        return np.ascontiguousarray(pixels[:, ::-1])
    height, width = pixels.shape[:2]
    a, b, c, d, e, f = matrix(sha256, number, alterations, height, width)
    corners = [(x, y) for x in (0, width) for y in (0, height)]
    across = [a * x + b * y + c for x, y in corners]
    along = [d * x + e * y + f for x, y in corners]
    # one pixel more than the corners reach, for the interpolation
    left, right = _margins(across, width)
    top, bottom = _margins(along, height)
    around = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), "edge")
    moved = (a, b, c + left, d, e, f + top)
    image = Image.fromarray(around).transform(
        (width, height), Image.Transform.AFFINE, moved, Image.Resampling.BILINEAR
    )
    return np.asarray(image, np.uint8)


def _margins(reached: list[float], size: int) -> tuple[int, int]:
    return max(0, 2 - math.floor(min(reached))), max(0, 2 + math.ceil(max(reached)) - size)
