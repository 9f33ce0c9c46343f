"""Data augmentation: views of an image, each a function of its content and the view's number."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from PIL import Image

from classifier.common import params
from classifier.dataset.manifest import ImageRow
from classifier.images.decode import Pixels

ORIGINAL = 0  # the image unaltered; augmented copies are numbered from 1
MIRRORED = -1  # left and right swapped, nothing else
Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class AugmentationParams:
    """How far an augmented copy may differ from its image; with 0 everywhere it does not.

    Names and meanings are those of Keras's ImageDataGenerator; only `shear_range` is in radians,
    as in Keras until 2017, and not in degrees.
    """

    rotation_range: float  # degrees, either way
    width_shift_range: float  # fraction of the width, either way
    height_shift_range: float  # fraction of the height, either way
    shear_range: float  # radians, either way
    zoom_range: float  # either way of 1, in width and height independently
    horizontal_flip: bool  # half of the copies are mirrored
    seed: int  # of the random numbers

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
class ViewParams(AugmentationParams):
    """Which views of an image go through the network."""

    augmented_copies: int  # of each training image
    tta_views: (
        int  # test-time augmentation; 1: the image, 2: and its mirror image, 3...: and copies
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("augmented_copies", 0), ("tta_views", 1)):
            value, rule = getattr(self, name), f"{least} or more"
            params.require(value >= least, f"extract.{name}", rule, value)

    def train_numbers(self) -> list[int]:
        """Returns the numbers of the views to learn from, ORIGINAL first."""
        return list(range(self.augmented_copies + 1))

    def tta_numbers(self) -> list[int]:
        """Returns the numbers of the views over which predictions are averaged, ORIGINAL first."""
        return [ORIGINAL, MIRRORED, *range(1, self.tta_views - 1)][: self.tta_views]

    def augments(self) -> bool:
        """Tells whether any view depends on the ranges and the seed."""
        return self.augmented_copies > 0 or self.tta_views > 2


class View(NamedTuple):
    """A view of an image.

    Attributes:
        row: of the image.
        number: ORIGINAL, MIRRORED, or 1 or more for an augmented copy.
        key: under which its features are cached.
    """

    row: ImageRow
    number: int
    key: bytes


def view_key(sha256: str, number: int = ORIGINAL, augmentation_id: str = "") -> bytes:
    """Returns the key under which the features of a view are cached.

    Args:
        sha256: of the image's bytes, in hexadecimal.
        number: of the view.
        augmentation_id: all that augmented copies depend on besides their image.
    """
    content = bytes.fromhex(sha256)
    if number > 0:
        content = hashlib.sha256(f"{sha256} {augmentation_id}".encode()).digest()
    return content + number.to_bytes(4, "big", signed=True)


def all_views(
    rows: Iterable[ImageRow], settings: ViewParams, augmentation_id: str
) -> Iterator[View]:
    """Yields the views of the images, those of one image together, ORIGINAL first."""
    tta = settings.tta_numbers()
    train = list(dict.fromkeys([*tta, *settings.train_numbers()]))
    for row in rows:
        for number in train if row.split == "train" else tta:
            yield View(row, number, view_key(row.sha256, number, augmentation_id))


def augmentation_id(settings: AugmentationParams, version: int) -> str:
    """Returns all that an augmented copy depends on besides its image and number, as JSON.

    Args:
        settings: ranges and seed.
        version: of this module's results.
    """
    names = [field.name for field in fields(AugmentationParams)]
    values = {name: getattr(settings, name) for name in names}
    ranges = {k: float(v) if k.endswith("_range") else v for k, v in values.items()}
    return json.dumps({"version": version, **ranges}, sort_keys=True)


def from_id(text: str) -> AugmentationParams:
    """Returns the ranges and the seed that `augmentation_id` was made of."""
    values = json.loads(text)
    return AugmentationParams(**{k: v for k, v in values.items() if k != "version"})


def random_fractions(sha256: str, number: int, seed: int) -> Iterator[float]:
    """Yields 8 numbers of 0 to less than 1 for a view, the same on every machine."""
    digest = hashlib.sha256(f"{sha256} {number} {seed}".encode()).digest()
    return (int.from_bytes(digest[at : at + 4], "big") / 2**32 for at in range(0, 32, 4))


def affine_matrix(
    sha256: str, number: int, ranges: AugmentationParams, height: int, width: int
) -> Matrix:
    """Returns where each pixel of a view comes from: `(a x + b y + c, d x + e y + f)`.

    Rotation, shift, shear and zoom about the centre are drawn evenly from their ranges and
    composed in this order, as in Keras's `apply_affine_transform`; then some are mirrored.

    Args:
        sha256: of the image.
        number: of the view, 1 or more.
        ranges: the ranges.
        height: of the image, in pixels.
        width: likewise.
    """
    drawn = random_fractions(sha256, number, ranges.seed)

    def within(reach: float) -> float:
        return reach * (2 * next(drawn) - 1)

    turn = math.radians(within(ranges.rotation_range))
    right = within(ranges.width_shift_range) * width
    down = within(ranges.height_shift_range) * height
    shear = within(ranges.shear_range)
    wide, tall = (1 + within(ranges.zoom_range) for _ in range(2))
    mirrored = ranges.horizontal_flip and next(drawn) < 0.5
    cos, sin = math.cos(turn), math.sin(turn)
    rotated = np.array([[cos, -sin], [sin, cos]])  # acts on (x, y)
    sheared = np.array([[1, -math.sin(shear)], [0, math.cos(shear)]])
    linear = rotated @ sheared @ np.diag([-wide if mirrored else wide, tall])
    middle = np.array([width / 2, height / 2])
    c, f = (middle + rotated @ (right, down) - linear @ middle).tolist()
    (a, b), (d, e) = linear.tolist()
    return a, b, c, d, e, f


def augmented(
    pixels: Pixels, sha256: str, number: int, ranges: AugmentationParams | None
) -> Pixels:
    """Returns a view of the image.

    Interpolated bilinearly; what lies outside of the image is like the nearest pixel inside.

    Args:
        pixels: uint8 (H, W, 3).
        sha256: of the image's file.
        number: of the view.
        ranges: how far an augmented copy may differ; None: none is asked for.

    Returns:
        uint8 (H, W, 3).
    """
    if number == ORIGINAL:
        return pixels
    if number == MIRRORED:
        return np.ascontiguousarray(pixels[:, ::-1])
    if ranges is None:
        raise ValueError(f"view {number} needs ranges")
    height, width = pixels.shape[:2]
    a, b, c, d, e, f = affine_matrix(sha256, number, ranges, height, width)
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
