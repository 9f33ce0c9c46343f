"""Decodes images, here alone, so that every stage and command sees the same pixels."""

import ctypes
import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

try:
    import pillow_heif
except ImportError:  # optional, because of its licence
    pillow_heif = None
else:
    pillow_heif.register_heif_opener(thumbnails=False)

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM")
FORMATS += ("HEIF",) * bool(pillow_heif)
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
MAX_PIXELS_AT_ONCE = 50_000_000  # decoded at the same time, 4 bytes each, or one larger image
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


def heif_version() -> str:
    """Returns the versions of the HEIC decoder and its package; empty if not installed."""
    return f"{pillow_heif.libheif_version()} {pillow_heif.__version__}" if pillow_heif else ""


def decode_image(
    data: bytes | BinaryIO, height: int, width: int, max_pixels: int | None = None
) -> DecodedImage:
    """Returns an image in RGB, resized to (height, width) without keeping its aspect ratio.

    The EXIF orientation is applied. Transparent pixels become white, grey levels of 16 or 32
    bits are scaled to 8, and of an animation the first frame is used. The resize filter is
    antialiased bilinear; large JPEGs are first decoded at a half, a quarter or an eighth of their
    size that is not below the target (draft mode). The image itself may have `max_pixels`.

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
            return _decode(image, height, width)
    except UnidentifiedImageError:
        raise _unidentified_error(file) from None
    except Image.DecompressionBombError:
        raise ImageError("too_large", f"a frame of more than {max_pixels:,} pixels") from None
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plug-ins raise nearly anything on broken files
        message = " ".join(str(error).split()) or type(error).__name__
        truncated = isinstance(error, EOFError) or re.search("truncated|broken data", message, re.I)
        raise ImageError("truncated" if truncated else "unreadable", message) from None


def _unidentified_error(file: BinaryIO) -> ImageError:
    file.seek(0)
    start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:] in HEIC_BRANDS and not pillow_heif:
        return ImageError("unsupported", "a HEIC image; run `pip install pillow-heif` to read them")
    return ImageError("not_an_image", f"the content is none of {', '.join(FORMATS)}")


def is_large(path: Path) -> bool:
    """Tells whether an image takes so much memory that it must be decoded alone."""
    try:
        if not path.is_file():  # opening a named pipe would block
            return False
        with Image.open(path, formats=FORMATS) as image:
            return _memory(image, 1) > MAX_PIXELS_AT_ONCE
    except Exception:  # decode_image reports it
        return False


def _decode(image: Image.Image, height: int, width: int) -> DecodedImage:
    with BUDGET.reserve(memory := _memory(image, max(height, width))):
        orientation = _orientation(image)  # of a PNG, this reads the pixels
        sideways = orientation >= 5  # width and height are swapped
        size = image.size[::-1] if sideways else image.size  # after rotation
        target = (height, width) if sideways else (width, height)  # (x, y) before rotation
        image.draft(None, target)
        small = _resized_rgb(image, *target)
        image.close()  # frees its pixels before the budget is released
        if memory > BAND:
            _return_freed_memory()
    upright = small.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else small
    return DecodedImage(np.asarray(upright, np.uint8), *size, image.format or "")


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


def _resized_rgb(image: Image.Image, width: int, height: int) -> Image.Image:
    """Returns the image resized, in RGB; a large one in bands, or copies would need gigabytes."""
    image.load()
    white = _white(image) if image.mode.startswith(("I", "F")) else 0.0
    if image.width * image.height <= BAND:
        return _resized(_rgb(image, white), width, height, (0, image.height))
    small = Image.new("RGB", (width, height))
    scale = image.height / height
    margin = int(max(scale, 1)) + 1  # rows that the filter reaches
    rows = max(1, int(BAND / image.width / scale))
    for start in range(0, height, rows):
        end = min(start + rows, height)
        first = max(0, int(start * scale) - margin)
        last = min(image.height, int(end * scale) + margin + 1)
        band = _rgb(image.crop((0, first, image.width, last)), white)
        used = start * scale - first, min(end * scale - first, band.height)
        small.paste(_resized(band, width, end - start, used), (0, start))
    return small


def _resized(image: Image.Image, width: int, height: int, rows: tuple[float, float]) -> Image.Image:
    """Returns rows of an image resized, first in x, then in y.

    In one call, Pillow's order would depend on the image's shape and on its version, but the
    exported classifiers (stages/export/resize_ops.py) must do the same.
    """
    narrow = image.resize((width, image.height), Image.Resampling.BILINEAR)
    return narrow.resize((width, height), Image.Resampling.BILINEAR, (0, rows[0], width, rows[1]))


def _rgb(image: Image.Image, white: float) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32) * (255 / white) + 0.5
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # saves a copy


def _white(image: Image.Image) -> float:
    """Returns the grey level of white in a 16- or 32-bit image, by the range of its values."""
    rows = max(1, BAND // image.width)
    largest = 0.0
    for start in range(0, image.height, rows):
        band = image.crop((0, start, image.width, min(start + rows, image.height)))
        values = np.asarray(band, np.float32)
        if not np.isfinite(values).all():
            raise ImageError("unreadable", "some grey levels are not finite numbers")
        largest = max(largest, float(values.max(initial=0)))
    white = next((level for level in (1.0, 255.0, 65535.0) if largest <= level), largest)
    if image.mode.startswith("I"):
        return max(white, 65535.0 if ";16" in image.mode else 255.0)
    return white
