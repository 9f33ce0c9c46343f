"""Pixels: the only place where images are decoded, so that every stage sees the same ones."""

import ctypes
import io
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
except ImportError:  # an extra, for its licence
    pillow_heif = None
else:
    pillow_heif.register_heif_opener(thumbnails=False)

SAFE = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM")
FORMATS = SAFE + ("HEIF",) * bool(pillow_heif)
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # brands
MAX_PIXELS_AT_ONCE = 50_000_000  # pixels, of 4 bytes, decoded at the same time, or one larger image
COPIES = {"WEBP": 4, "AVIF": 3, "HEIF": 3, "PNG": 2}  # that a decoder holds (measured)
BAND = 4_000_000  # pixels of an image that are converted and shrunk together

Image.MAX_IMAGE_PIXELS = None  # `decode` has a limit of its own
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\b")  # odd metadata is no news to the user

TRANSPOSES = {  # by EXIF orientation
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


class PixelBudget:
    """Lets threads have no more than so many pixels in memory at once, or one with more."""

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Waits until there is room, and holds it."""
        held = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: held <= self._free)
            self._free -= held
        try:
            yield
        finally:
            with self._changed:
                self._free += held
                self._changed.notify_all()


BUDGET = PixelBudget(MAX_PIXELS_AT_ONCE)


class ImageError(Exception):
    """Why a file cannot be used: a stable code and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Attributes:
        pixels: uint8 (height asked, width asked, 3), RGB, 0-255.
        width: pixels of the image itself, upright.
        height: likewise.
        format: what the content is, whatever the file's name says: JPEG, PNG, ...
    """

    pixels: Pixels
    width: int
    height: int
    format: str


def heif_version() -> str:
    """Returns the versions of the HEIC decoder and its package; empty where it is not there."""
    return f"{pillow_heif.libheif_version()} {pillow_heif.__version__}" if pillow_heif else ""


def decode_image(
    data: bytes | BinaryIO, height: int, width: int, max_pixels: int | None = None
) -> DecodedImage:
    """Returns an image upright, in RGB, resized to (height, width) without keeping its aspect.

    Args:
        data: the file, open or as its bytes.
        height: pixels.
        width: likewise.
        max_pixels: that the image itself may have; None: any number.

    Turned as its EXIF orientation says; transparency is laid on white, grey levels of 16 or 32
    bits are scaled to 8; shrunk by an antialiased bilinear filter; large JPEGs are decoded at
    the smallest eighth that is not smaller than asked (draft mode).

    Raises:
        ImageError: `empty_file`, `not_an_image`, `unsupported`, `truncated`, `too_large` or
            `unreadable`.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        if not file.read(1):
            raise ImageError("empty_file", "the file has no bytes")
        file.seek(0)
        with Image.open(file, formats=FORMATS) as image:
            if max_pixels and image.width * image.height > max_pixels:
                size = f"{image.width:,} x {image.height:,} pixels"
                raise ImageError("too_large", f"{size}, more than {max_pixels:,} in all")
            return _image(image, height, width)
    except UnidentifiedImageError:
        raise _unidentified(file) from None
    except Image.DecompressionBombError:
        raise ImageError("too_large", f"a frame of more than {max_pixels:,} pixels") from None
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plug-ins raise nearly anything on broken files
        said = " ".join(str(error).split()) or type(error).__name__
        cut_off = (
            isinstance(error, EOFError) or "truncated" in said.lower() or "broken data" in said
        )
        raise ImageError("truncated" if cut_off else "unreadable", said) from None


def _unidentified(file: BinaryIO) -> ImageError:
    """Returns why no format fits."""
    file.seek(0)
    head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:] in HEIC and not pillow_heif:
        detail = "a HEIC image; run `pip install pillow-heif` to have them read"
        return ImageError("unsupported", detail)
    return ImageError("not_an_image", f"the content is none of {', '.join(FORMATS)}")


def set_pixel_limit(pixels: int) -> None:
    """Has Pillow itself refuse larger images, in this process: of some it reads a frame early."""
    Image.MAX_IMAGE_PIXELS = pixels // 2  # it warns of more, and refuses twice as many


def is_large(path: Path) -> bool:
    """Tells whether several such images should not be decoded at once, for want of memory."""
    try:
        if not path.is_file():  # opening a pipe would never end
            return False
        with Image.open(path, formats=FORMATS) as image:
            return _held(image, 1) > MAX_PIXELS_AT_ONCE
    except Exception:  # `decode` will say why
        return False


def _image(image: Image.Image, height: int, width: int) -> DecodedImage:
    kind = image.format or ""
    with BUDGET.of(held := _held(image, max(height, width))):
        orientation = _orientation(image)  # reads the pixels too, of a PNG
        shown = image.size[::-1] if orientation in SIDEWAYS else image.size
        stored = (height, width) if orientation in SIDEWAYS else (width, height)  # (across, down)
        image.draft(None, stored)
        small = _shrunk(image, *stored)
        image.close()  # or its pixels would outlast their room
        if held > BAND:
            _give_back()
    upright = small.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else small
    return DecodedImage(np.asarray(upright, np.uint8), *shown, kind)


def _give_back() -> None:
    """Has glibc return freed memory, or every thread would keep the size of its largest image."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return
    trim(0)


def _held(image: Image.Image, side: int) -> int:
    """Returns how many pixels of 4 bytes decoding an image takes, about."""
    pixels = image.width * image.height
    if image.format != "JPEG":
        return COPIES.get(image.format or "", 1) * pixels
    if image.info.get("progressive"):
        return 2 * pixels
    shortest = min(image.size)
    shrunk = next((factor for factor in (8, 4, 2) if shortest >= factor * side), 1)
    return pixels // shrunk**2


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF says nothing about the pixels
        return 1
    return value if value in TRANSPOSES else 1


def _shrunk(image: Image.Image, width: int, height: int) -> Image.Image:
    """Returns the image resized, in RGB; a large one band by band, or copies need gigabytes."""
    image.load()
    white = _white(image) if image.mode.startswith(("I", "F")) else 0.0
    size = image.width, image.height
    if size[0] * size[1] <= BAND:
        return _resized(_rgb(image, white), width, height, (0, size[1]))
    small = Image.new("RGB", (width, height))
    scale = size[1] / height
    margin = int(max(scale, 1)) + 1  # the filter's reach
    rows = max(1, int(BAND / size[0] / scale))
    for top in range(0, height, rows):
        end = min(top + rows, height)
        first = max(0, int(top * scale) - margin)
        last = min(size[1], int(end * scale) + margin + 1)
        band = _rgb(image.crop((0, first, size[0], last)), white)
        used = top * scale - first, min(end * scale - first, band.height)
        small.paste(_resized(band, width, end - top, used), (0, top))
    return small


def _resized(image: Image.Image, width: int, height: int, rows: tuple[float, float]) -> Image.Image:
    """Returns rows of an image resized: across, then down, as stages/resizing.py does it too.

    Asked for both at once, Pillow begins with either, by the image's shape and its own version.
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
    return image if image.mode == "RGB" else image.convert("RGB")  # spares a copy


def _white(image: Image.Image) -> float:
    """Returns the value of white in an image of deeper grey, by the range its values use."""
    rows = max(1, BAND // image.width)
    largest = 0.0
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        values = np.asarray(band, np.float32)
        if not np.isfinite(values).all():
            raise ImageError("unreadable", "some of its values are no numbers")
        largest = max(largest, float(values.max(initial=0)))
    white = next((top for top in (1.0, 255.0, 65535.0) if largest <= top), largest)
    if image.mode.startswith("I"):
        return max(white, 65535.0 if ";16" in image.mode else 255.0)
    return white
