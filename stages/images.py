"""Pixels: the only place where pictures are decoded, so that every stage sees the same ones."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError, features

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
# 8 bytes a pixel at worst: 1.2 GB; Pillow raises its DecompressionBombError at twice its limit
MAX_PIXELS = 150_000_000
LIBRARIES = ("pil", "jpg", "zlib", "webp", "libtiff")  # those that decode

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", module=r"PIL\b")  # odd metadata is no news to the user
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

TURNS = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
Pixels = npt.NDArray[np.uint8]


class ImageError(Exception):
    """Why a file cannot be used: a stable code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8 (height asked, width asked, 3), RGB, 0-255.
        width: pixels of the picture itself, upright.
        height: likewise.
        format: what the content is, whatever the file's name says: JPEG, PNG, ...
    """

    pixels: Pixels
    width: int
    height: int
    format: str


def recipe() -> str:
    """Returns what identifies the way from bytes to pixels: this module and its libraries."""
    source = Path(__file__).read_bytes().replace(b"\r\n", b"\n")
    libraries = [f"{name} {features.version(name)}" for name in LIBRARIES]
    return " ".join([*libraries, hashlib.sha256(source).hexdigest()])


def decode(data: bytes, height: int, width: int) -> Picture:
    """Returns a picture upright, in RGB, resized to (height, width) without keeping its aspect.

    Turned as its EXIF orientation says; transparency is laid on white, grey levels of 16 or 32
    bits are scaled to 8; shrunk by an antialiased bilinear filter; large JPEGs are decoded at
    the smallest eighth that is not smaller than asked (draft mode).

    Raises:
        ImageError: `empty_file`, `not_an_image`, `truncated`, `too_large` or `unreadable`.
    """
    if not data:
        raise ImageError("empty_file", "the file has no bytes")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _picture(image, height, width)
    except UnidentifiedImageError:
        detail = f"the content is none of {', '.join(FORMATS)}"
        raise ImageError("not_an_image", detail) from None
    except Image.DecompressionBombError:
        detail = f"more than {MAX_PIXELS:,} pixels"
        raise ImageError("too_large", detail) from None
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plug-ins raise nearly anything on broken files
        said = " ".join(str(error).split()) or type(error).__name__
        cut_off = (
            isinstance(error, EOFError) or "truncated" in said.lower() or "broken data" in said
        )
        raise ImageError("truncated" if cut_off else "unreadable", said) from None


def _picture(image: Image.Image, height: int, width: int) -> Picture:
    kind = image.format or ""
    orientation = _orientation(image)
    shown = image.size[::-1] if orientation in SIDEWAYS else image.size
    stored = (height, width) if orientation in SIDEWAYS else (width, height)  # (across, down)
    image.draft(None, stored)
    small = _rgb(image).resize(stored, Image.Resampling.BILINEAR)
    upright = small.transpose(TURNS[orientation]) if orientation in TURNS else small
    return Picture(np.asarray(upright, np.uint8), *shown, kind)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF says nothing about the pixels
        return 1
    return value if value in TURNS else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _grey(image).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    """Returns an 8-bit picture of one with deeper grey, scaled by the range its values use."""
    values = np.asarray(image, np.float32)
    if not np.isfinite(values).all():
        raise ImageError("unreadable", "some of its values are no numbers")
    largest = float(values.max(initial=0))
    white = next((top for top in (1.0, 255.0, 65535.0) if largest <= top), largest)
    if image.mode.startswith("I"):
        white = max(white, 65535.0 if ";16" in image.mode else 255.0)
    return Image.fromarray(np.clip(values * (255 / white) + 0.5, 0, 255).astype(np.uint8))
