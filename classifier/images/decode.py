"""Decodes images, here alone, so that every stage and command sees the same pixels."""

import ctypes
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from classifier.images import capture, colours, conversion, grey_levels, identify
from classifier.images.capture import Capture
from classifier.images.grey_levels import Range, Ranges

try:
    import pillow_heif
except ImportError:  # optional, because of its licence
    pillow_heif = None
else:
    pillow_heif.register_heif_opener(thumbnails=False)

NO_IMAGE = "not_an_image"
FORMATS: tuple[str, ...] = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM")
FORMATS += ("HEIF",) * bool(pillow_heif)
MAX_PIXELS_AT_ONCE = 50_000_000  # decoded at the same time, or one larger image
BYTES_PER_PIXEL = 4
COPIES = {"WEBP": 4, "AVIF": 3, "HEIF": 3, "PNG": 2}  # that the decoder makes (measured)
BAND = 4_000_000  # pixels of an image that are converted and resized together

Image.MAX_IMAGE_PIXELS = None  # decode_image has a limit of its own
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\b")  # harmless: odd metadata

TRANSPOSES = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Pixels = npt.NDArray[np.uint8]


class PixelBudget:
    """Bounds how many pixels threads hold in memory at once; one larger image may go alone."""

    def __init__(self, pixels: int) -> None:
        self._free = self._total = pixels
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, pixels: int) -> Iterator[None]:
        """Waits until so many pixels are free, and holds them during the block."""
        reserved = min(pixels, self._total)
        with self._changed:
            self._changed.wait_for(lambda: reserved <= self._free)
            self._free -= reserved
        try:
            yield
        finally:
            with self._changed:
                self._free += reserved
                self._changed.notify_all()


BUDGET = PixelBudget(MAX_PIXELS_AT_ONCE)


class ImageError(Exception):
    """Why a file cannot be used: a stable code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image; width and height are those of the image itself, after EXIF rotation."""

    pixels: Pixels  # uint8 (h, w, 3), RGB, resized
    width: int
    height: int
    format: str  # by content, not by file name: JPEG, PNG, ...
    conversion: str = ""  # see images/conversion.py; a depth without black and white
    extremes: Range | None = None  # of the values of an image of more than 8 bits
    capture: Capture | None = None  # as its EXIF says


def heif_version() -> str:
    """Returns the versions of the HEIC decoder and its package; empty if not installed."""
    return f"{pillow_heif.libheif_version()} {pillow_heif.__version__}" if pillow_heif else ""


def decode_image(
    data: bytes | BinaryIO,
    height: int,
    width: int,
    max_pixels: int | None = None,
    ranges: Ranges | None = None,
) -> DecodedImage:
    """Returns an image in sRGB, resized to (height, width) without keeping its aspect ratio.

    The EXIF orientation is applied. Transparent pixels become white, grey levels of 16 or 32
    bits are scaled to 8, other colours are converted to sRGB, and of an animation the first frame
    is used. The resize filter is antialiased bilinear; large JPEGs are first decoded at a half, a
    quarter or an eighth of their size that is not below the target (draft mode).

    Args:
        data: the file.
        height: of the result.
        width: of the result.
        max_pixels: that the image itself may have.
        ranges: black and white of 16- and 32-bit images; without, those of the image itself.

    Raises:
        ImageError: `empty_file`, `not_an_image`, `unsupported`, `truncated`, `too_large` or
            `unreadable`.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        if not file.read(1):
            raise ImageError("empty_file", "the file has no bytes")
        with Image.open(file, formats=FORMATS) as image:
            if max_pixels and image.width * image.height > max_pixels:
                size = f"{image.width:,} x {image.height:,} pixels"
                raise ImageError("too_large", f"{size}, more than {max_pixels:,} in all")
            return _decode(image, height, width, ranges or {})
    except UnidentifiedImageError:
        raise ImageError(*identify.problem_of(file, FORMATS)) from None
    except Image.DecompressionBombError:
        raise ImageError("too_large", f"a frame of more than {max_pixels:,} pixels") from None
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plug-ins raise nearly anything on broken files
        message = " ".join(str(error).split()) or type(error).__name__
        if not file.closed and (problem := identify.problem_of(file, FORMATS))[0] == NO_IMAGE:
            raise ImageError(*problem) from None  # a text that begins like one
        truncated = isinstance(error, EOFError) or re.search("truncated|broken data", message, re.I)
        raise ImageError("truncated" if truncated else "unreadable", message) from None


def is_large(path: Path) -> bool:
    """Tells whether an image takes so much memory that it must be decoded alone."""
    return memory(path, 1) > BYTES_PER_PIXEL * MAX_PIXELS_AT_ONCE


def memory(path: Path, side: int) -> int:
    """Returns about how many bytes decoding an image takes; 0 if that fails.

    Args:
        path: of the file.
        side: the longer one of the size that it is resized to.
    """
    try:
        if not path.is_file():  # opening a named pipe would block
            return 0
        with Image.open(path, formats=FORMATS) as image:
            return BYTES_PER_PIXEL * _memory(image, side)
    except Exception:  # decode_image reports it
        return 0


def _decode(image: Image.Image, height: int, width: int, ranges: Ranges) -> DecodedImage:
    with BUDGET.reserve(memory := _memory(image, max(height, width))):
        orientation = _orientation(image)  # of a PNG, this reads the pixels
        taken = capture.read(image)
        sideways = orientation >= 5  # width and height are swapped
        size = image.size[::-1] if sideways else image.size  # after rotation
        target = (height, width) if sideways else (width, height)  # (x, y) before rotation
        if not _is_lossless_jpeg(image):
            image.draft(None, target)
        image.load()
        depth, levels = grey_levels.kind(image), grey_levels.Range(0, 255)
        extremes = grey_levels.extremes(image) if depth else None
        if extremes:
            levels = ranges.get(depth) or grey_levels.range_of(depth, extremes)
        to_srgb = colours.conversion(image)
        opaque = image.format == "BMP" and _has_empty_alpha(image)
        words = (
            depth,
            conversion.TO_SRGB if to_srgb else "",
            conversion.OPAQUE if opaque else "",
            conversion.TRANSPARENT if _mend_transparency(image) else "",
        )
        keep = image.mode if to_srgb and image.mode == "CMYK" else "RGB"
        to_rgb = partial(_rgb, levels=levels, opaque=opaque, keep=keep)
        small = _resized_rgb(image, *target, to_rgb)
        image.close()  # frees its pixels before the budget is released
        if memory > BAND:
            _return_freed_memory()
    small = to_srgb(small) if to_srgb else small
    upright = small.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else small
    pixels, name = np.asarray(upright, np.uint8), image.format or ""
    return DecodedImage(pixels, *size, name, " ".join(filter(None, words)), extremes, taken)


def _return_freed_memory() -> None:
    """Makes glibc return freed memory, or each thread keeps as much as its largest image took."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return
    trim(0)


def _memory(image: Image.Image, side: int) -> int:
    """Returns about how much memory decoding takes, in pixels of 4 bytes."""
    pixels = image.width * image.height
    if image.format != "JPEG":
        return COPIES.get(image.format or "", 1) * pixels
    if image.info.get("progressive"):
        return 2 * pixels
    draft = next((factor for factor in (8, 4, 2) if min(image.size) >= factor * side), 1)
    return pixels // draft**2


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # the pixels may be fine if EXIF is broken
        return 1
    return value if value in TRANSPOSES else 1


def _is_lossless_jpeg(image: Image.Image) -> bool:
    """Tells whether a JPEG has no draft mode; libjpeg then fails only once it is decoded."""
    file: BinaryIO | None = getattr(image, "fp", None)
    if image.format != "JPEG" or not file:
        return False
    place = file.tell()
    file.seek(2)
    while (start := file.read(4))[:1] == b"\xff" and len(start) == 4:
        marker, length = start[1], int.from_bytes(start[2:], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            break
        file.seek(length - 2, io.SEEK_CUR)
    file.seek(place)
    return start[1:2] in (b"\xc3", b"\xc7", b"\xcb", b"\xcf")


def _resized_rgb(
    image: Image.Image, width: int, height: int, to_rgb: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """Returns the image resized; a large one in bands, or copies would need gigabytes."""
    if image.width * image.height <= BAND:
        return _resized(to_rgb(image), width, height, (0, image.height))
    bands = []
    scale = image.height / height
    margin = int(max(scale, 1)) + 1  # rows that the filter reaches
    rows = max(1, int(BAND / image.width / scale))
    for start in range(0, height, rows):
        end = min(start + rows, height)
        first = max(0, int(start * scale) - margin)
        last = min(image.height, int(end * scale) + margin + 1)
        band = to_rgb(image.crop((0, first, image.width, last)))
        used = start * scale - first, min(end * scale - first, band.height)
        bands.append(_resized(band, width, end - start, used))
    small = Image.new(bands[0].mode, (width, height))
    for start, band in zip(range(0, height, rows), bands, strict=True):
        small.paste(band, (0, start))
    return small


def _resized(image: Image.Image, width: int, height: int, rows: tuple[float, float]) -> Image.Image:
    """Returns rows of an image resized, first in x, then in y.

    In one call, Pillow's order would depend on the image's shape and on its version, but the
    exported classifiers (stages/export/resize_ops.py) must do the same.
    """
    narrow = image.resize((width, image.height), Image.Resampling.BILINEAR)
    return narrow.resize((width, height), Image.Resampling.BILINEAR, (0, rows[0], width, rows[1]))


def _has_empty_alpha(image: Image.Image) -> bool:
    """Tells whether no pixel is visible: the fourth byte of a BMP's pixels is often just 0."""
    return image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0)


def _mend_transparency(image: Image.Image) -> bool:
    """Scales a PNG's transparent colour of 48 bits as Pillow scales its pixels; tells if it had."""
    colour = image.info.get("transparency")
    if image.mode != "RGB" or not isinstance(colour, tuple) or max(colour) <= 255:
        return False
    image.info["transparency"] = tuple(level >> 8 for level in colour)
    return True


def _rgb(image: Image.Image, levels: Range, opaque: bool, keep: str) -> Image.Image:
    """Returns an image, or rows of it, in RGB.

    Args:
        image: of any mode.
        levels: black and white of a 16- or 32-bit image.
        opaque: its alpha channel means nothing.
        keep: the mode that is left as it is.
    """
    if image.mode.startswith(("I", "F")):
        return grey_levels.to_grey(image, levels).convert("RGB")
    if image.has_transparency_data and not opaque:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == keep else image.convert("RGB")  # saves a copy
