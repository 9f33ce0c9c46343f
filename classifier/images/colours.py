"""Colours of other profiles than sRGB, and PNG's gamma, converted to sRGB.

The resized image is converted, which costs a millisecond and no memory. A broken profile, or one
for other colours than the image's, is ignored, as viewers do.
"""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, features

try:
    from PIL import ImageCms
except ImportError:  # a Pillow without LittleCMS
    ImageCms = None  # type: ignore[assignment]

VERSION = 1  # of this module: colours -> sRGB; LittleCMS's version counts too
MAX_BYTES = 5_000_000  # of a profile
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # modes by the profile's colours
MODES = {"L": "L", "LA": "L", "1": "L", "CMYK": "CMYK", "RGB": "RGB", "RGBA": "RGB", "P": "RGB"}
SRGB_GAMMA = 1 / 2.2
SAME = 3  # levels by which a conversion may differ from none and is left out
NO_CACHE = 0x40  # of the last pixel: a transform is used by several threads

Conversion = Callable[[Image.Image], Image.Image]


def version() -> str:
    """Returns what converted pixels depend on besides the file."""
    return f"sRGB {VERSION}, littlecms2 {features.version('littlecms2')}"


def conversion(image: Image.Image) -> Conversion | None:
    """Returns what converts an image to sRGB, in mode RGB, after it was resized.

    It takes the mode RGB, or CMYK if that is the image's. None: the colours are sRGB already, or
    are taken as such.
    """
    profile = image.info.get("icc_profile")
    mode = "L" if image.mode.startswith(("I", "F")) else MODES.get(image.mode, "")
    if isinstance(profile, bytes) and profile:
        return _by_profile(profile, mode) if mode and len(profile) <= MAX_BYTES else None
    gamma = image.info.get("gamma")
    if image.format != "PNG" or not isinstance(gamma, float) or "srgb" in image.info:
        return None
    return _by_gamma(gamma) if 0.05 < gamma < 5 and abs(gamma / SRGB_GAMMA - 1) > 0.05 else None


@lru_cache(maxsize=16)
def _by_profile(data: bytes, mode: str) -> Conversion | None:
    if not ImageCms:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if SPACES.get(profile.profile.xcolor_space.strip()) != mode:
            return None
        srgb = ImageCms.createProfile("sRGB")
        flags: Any = NO_CACHE
        transform = ImageCms.buildTransform(profile, srgb, mode, "RGB", flags=flags)
    except Exception:  # LittleCMS refuses a broken profile with many errors
        return None

    def convert(image: Image.Image) -> Image.Image:
        return ImageCms.applyTransform(image.convert(mode), transform) or image

    return None if _changes_nothing(convert, mode) else convert


def _changes_nothing(convert: Conversion, mode: str) -> bool:
    """Tells whether a profile is that of sRGB, by 125 colours."""
    if mode == "CMYK":
        return False
    levels = np.stack(np.meshgrid(*[np.linspace(0, 255, 5)] * 3), axis=-1).reshape(5, 25, 3)
    if mode == "L":
        levels[..., 1:] = levels[..., :1]
    colours = Image.fromarray(levels.astype(np.uint8))
    difference = np.abs(np.asarray(convert(colours), int) - np.asarray(colours))
    return bool(difference.max() <= SAME)


def _by_gamma(gamma: float) -> Conversion:
    exponent = SRGB_GAMMA / gamma
    table = [round(255 * (level / 255) ** exponent) for level in range(256)]
    return lambda image: image.point(table * 3)
