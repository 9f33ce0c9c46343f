"""Data augmentation: views of an image, each determined by image content, number and ranges."""

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Annotated, NamedTuple

import numpy as np
from PIL import Image

from classifier.common.params import NonNegativeInt, PositiveInt, Range, Seed
from classifier.dataset.manifest import ImageRow
from classifier.images import conversion
from classifier.images.decode import Pixels

ORIGINAL = 0  # the image itself; augmented copies are numbered from 1
MIRRORED = -1  # the image with left and right swapped


@dataclass(frozen=True)
class AugmentationParams:
    """How far an augmented copy may differ from its image; with all ranges 0 it does not.

    Names and meanings are those of Keras's ImageDataGenerator, except that `shear_range` is in
    radians, as in Keras until 2017, and not in degrees.
    """

    rotation_range: Annotated[float, Range(0, 180)]  # degrees, either way
    width_shift_range: Annotated[float, Range(0, 1)]  # fraction of the width, either way
    height_shift_range: Annotated[float, Range(0, 1)]  # fraction of the height, either way
    shear_range: Annotated[float, Range(0, 1)]  # radians, either way
    zoom_range: Annotated[
        float, Range(0, 0.9)
    ]  # 1 plus or minus this, in width and height independently
    horizontal_flip: bool  # mirror half of the copies
    seed: Seed  # of the augmentation


@dataclass(frozen=True)
class ViewParams(AugmentationParams):
    """Which views of an image go through the network."""

    augmented_copies: NonNegativeInt  # of each training image
    tta_views: (
        PositiveInt  # over which a prediction is averaged: the image, its mirror image, copies
    )

    def train_numbers(self) -> list[int]:
        """Returns the numbers of the views to train on, ORIGINAL first."""
        return list(range(self.augmented_copies + 1))

    def tta_numbers(self) -> list[int]:
        """Returns the numbers of the views over which predictions are averaged, ORIGINAL first."""
        return [ORIGINAL, MIRRORED, *range(1, self.tta_views - 1)][: self.tta_views]

    def numbers_of(self, split: str) -> list[int]:
        """Returns the numbers of the views of an image of a split, ORIGINAL first."""
        tta = self.tta_numbers()
        return list(dict.fromkeys([*tta, *self.train_numbers()])) if split == "train" else tta

    def augments(self) -> bool:
        """Tells whether any view is an augmented copy."""
        return self.augmented_copies > 0 or self.tta_views > 2


class View(NamedTuple):
    """A view of an image."""

    row: ImageRow
    number: int  # ORIGINAL, MIRRORED, or 1 or more for an augmented copy
    key: bytes  # under which its features are cached


def view_key(
    sha256: str, number: int = ORIGINAL, augmentation_id: str = "", conversion_key: str = ""
) -> bytes:
    """Returns the key under which the features of a view are cached."""
    depends_on = [augmentation_id] * (number > 0) + [conversion_key] * (conversion_key != "")
    content = bytes.fromhex(sha256)
    if depends_on:
        content = hashlib.sha256(" ".join([sha256, *depends_on]).encode()).digest()
    return content + number.to_bytes(4, "big", signed=True)


def all_views(
    rows: Iterable[ImageRow], settings: ViewParams, augmentation_id: str
) -> Iterator[View]:
    """Yields the views of each image in turn, ORIGINAL first."""
    train, others = (settings.numbers_of(split) for split in ("train", "test"))
    for row in rows:
        of_row = augmentation_id, conversion.key(row.conversion)
        for number in train if row.split == "train" else others:
            yield View(row, number, view_key(row.sha256, number, *of_row))


def augmentation_id(settings: AugmentationParams, version: int) -> str:
    """Returns what an augmented copy depends on besides its image and number, as JSON."""
    values = {field.name: getattr(settings, field.name) for field in fields(AugmentationParams)}
    ranges = {name: float(value) for name, value in values.items() if name.endswith("_range")}
    return json.dumps({"version": version, **values, **ranges}, sort_keys=True)


def from_id(text: str) -> AugmentationParams:
    """Returns the params of an `augmentation_id`."""
    values = json.loads(text)
    del values["version"]
    return AugmentationParams(**values)


def random_fractions(sha256: str, number: int, seed: int) -> Iterator[float]:
    """Returns 8 pseudo-random numbers from 0 to below 1, the same on every machine."""
    digest = hashlib.sha256(f"{sha256} {number} {seed}".encode()).digest()
    return (number / 2**32 for number in struct.unpack(">8I", digest))


def affine_matrix(
    sha256: str, number: int, ranges: AugmentationParams, height: int, width: int
) -> tuple[float, float, float, float, float, float]:
    """Returns the matrix that maps (x, y) of a view to `(a x + b y + c, d x + e y + f)`.

    Rotation, shift, shear and zoom about the centre are uniformly distributed in their ranges and
    composed in this order, as in Keras's `apply_affine_transform`; mirroring comes last. `height`
    and `width` are those of the image, in pixels.
    """
    fractions = random_fractions(sha256, number, ranges.seed)

    def uniform(limit: float) -> float:
        return limit * (2 * next(fractions) - 1)

    angle = math.radians(uniform(ranges.rotation_range))
    shift_x = uniform(ranges.width_shift_range) * width
    shift_y = uniform(ranges.height_shift_range) * height
    shear = uniform(ranges.shear_range)
    zoom_x, zoom_y = (1 + uniform(ranges.zoom_range) for _ in range(2))
    flip = ranges.horizontal_flip and next(fractions) < 0.5
    cos, sin = math.cos(angle), math.sin(angle)
    rotation = np.array([[cos, -sin], [sin, cos]])  # acts on (x, y)
    shearing = np.array([[1, -math.sin(shear)], [0, math.cos(shear)]])
    linear = rotation @ shearing @ np.diag([-zoom_x if flip else zoom_x, zoom_y])
    centre = np.array([width / 2, height / 2])
    c, f = (centre + rotation @ (shift_x, shift_y) - linear @ centre).tolist()
    (a, b), (d, e) = linear.tolist()
    return a, b, c, d, e, f


def augmented(
    pixels: Pixels, sha256: str, number: int, ranges: AugmentationParams | None
) -> Pixels:
    """Returns a view of the image, uint8 (H, W, 3) as `pixels`.

    Interpolation is bilinear; points outside the image take the nearest pixel of its edge. Only
    augmented copies need `ranges`.
    """
    if number == ORIGINAL:
        return pixels
    if number == MIRRORED:
        return np.ascontiguousarray(pixels[:, ::-1])
    assert ranges
    height, width = pixels.shape[:2]
    a, b, c, d, e, f = affine_matrix(sha256, number, ranges, height, width)
    corners = [(x, y) for x in (0, width) for y in (0, height)]
    left, right = _padding([a * x + b * y + c for x, y in corners], width)
    upper, lower = _padding([d * x + e * y + f for x, y in corners], height)
    padded = np.pad(pixels, ((upper, lower), (left, right), (0, 0)), "edge")
    matrix = (a, b, c + left, d, e, f + upper)
    size, affine, bilinear = (width, height), Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(padded).transform(size, affine, matrix, bilinear), np.uint8)


def _padding(coordinates: list[float], size: int) -> tuple[int, int]:
    """Returns the pixels missing before 0 and after `size`; interpolation needs one or two more."""
    before, after = 2 - math.floor(min(coordinates)), 2 + math.ceil(max(coordinates)) - size
    return max(0, before), max(0, after)
