"""Reads an image file as the pipeline does; needs NumPy and Pillow alone."""

import io
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps

COLOURS = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}  # modes by the colours of a profile
MODES = {"1": "L", "LA": "L", "P": "RGB", "RGBA": "RGB"}  # without transparency


def read_image(
    path: str | BinaryIO,
    size: tuple[int, int],
    resize: bool = False,
    range_16: tuple[float, float] = (0, 65535),
    range_32: tuple[float, float] = (0, 1),
) -> np.ndarray:
    """Returns the pixels of an image, uint8 (height, width, 3), RGB.

    EXIF orientation is applied, transparent pixels become white, 16 and 32 bits are scaled to 8,
    colours are converted to sRGB, and of an animation the first frame is used.

    Args:
        path: of the file, or a file opened in binary mode.
        size: width and height that the network takes; large JPEGs are decoded at a fraction of
            their size that is not below.
        resize: whether to resize to this size, without keeping the aspect ratio.
        range_16: black and white of images of 16 bits.
        range_32: black and white of images of 32 bits.
    """
    with Image.open(path) as file:
        sideways = file.getexif().get(0x0112, 1) >= 5  # EXIF orientation
        file.draft(None, size[::-1] if sideways else size)
        profile, gamma = file.info.get("icc_profile"), 1 / 2.2  # of sRGB
        if file.format == "PNG" and "srgb" not in file.info:
            gamma = file.info.get("gamma", gamma)
        deep16 = file.mode.startswith("I;16") or (file.mode == "I" and file.format == "PNG")
        image: Image.Image = ImageOps.exif_transpose(file)
    if image.mode.startswith(("I", "F")):
        image = to_grey(image, *(range_16 if deep16 else range_32))
    mode = MODES.get(image.mode, image.mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if mode != "CMYK":
        image = image.convert("RGB")
    if resize:
        image = image.resize((size[0], image.height), Image.Resampling.BILINEAR)
        image = image.resize(size, Image.Resampling.BILINEAR)
    if profile:
        return np.asarray(to_srgb(image, mode, profile))
    levels = np.arange(256) if abs(2.2 * gamma - 1) <= 0.05 else gamma_table(gamma)
    return levels.astype(np.uint8)[np.asarray(image.convert("RGB"))]


def gamma_table(gamma: float) -> np.ndarray:
    """Returns the level in sRGB of each level of a PNG with its own gamma."""
    return np.round(255 * (np.arange(256) / 255) ** (1 / 2.2 / gamma))


def to_grey(image: Image.Image, black: float, white: float) -> Image.Image:
    """Returns an image of 16 or 32 bits in 8."""
    levels = (np.asarray(image, np.float32) - black) * (255 / (white - black)) + 0.5
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def to_srgb(image: Image.Image, mode: str, profile: bytes) -> Image.Image:
    """Returns an image in RGB, converted from its profile to sRGB; a broken one is ignored."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if COLOURS.get(source.profile.xcolor_space.strip()) == mode:
            srgb = ImageCms.createProfile("sRGB")
            image = image.convert(mode)
            return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        pass
    return image.convert("RGB")
