"""What a file is that Pillow does not open, judged by its first bytes and its header."""

import re
import struct
from typing import BinaryIO

from PIL import Image, TiffImagePlugin

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
HEIC = rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)"
SIGNATURES = {  # of the formats that the pipeline reads
    "JPEG": rb"\xff\xd8",
    "PNG": rb"\x89PNG|.PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]",
    "WEBP": rb"RIFF.{4}WEBP",
    "AVIF": rb".{4}ftypavi[fs]",
    "BMP": rb"BM.{0,16}\0",  # no text has a zero byte
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "PPM": rb"P[1-6fy]\s[\s#]*[-\d.]",
    "HEIF": HEIC,
}
OTHER_FORMATS = {
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "JPEG XL": rb"\0\0\0\x0cJXL |\xff\x0a",
    "Photoshop": rb"8BPS",
    "icon (ICO)": rb"\x00\x00\x01\x00.\x00",
    "DICOM": rb".{128}DICM",
    "OpenEXR": rb"v/1\x01",
    "SVG": rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg",
    "PDF": rb"%PDF-",
    "FITS": rb"SIMPLE  =",
    "HDF5 or MATLAB": rb"\x89HDF\r\n",
    "NumPy": rb"\x93NUMPY",
}
UNSUPPORTED = re.compile("unknown|cannot handle|unsupported|not supported|no support", re.I)
CUT_OFF = re.compile("truncated|too short|cut off|no more data|not enough", re.I)
BANDS, BITS = 277, 258  # tags of TIFF


def problem_of(file: BinaryIO, formats: tuple[str, ...]) -> tuple[str, str]:
    """Returns code and detail of a file that is an image in none of the formats."""
    file.seek(0)
    start = file.read(512)
    if start.startswith(LFS_POINTER):
        return "not_an_image", "a Git LFS pointer, not the image; run `git lfs pull` in its source"
    if _begins(HEIC, start) and "HEIF" not in formats:
        return "unsupported", "a HEIC image; run `pip install pillow-heif` to read them"
    for name in formats:
        if _begins(SIGNATURES[name], start):
            return _header_problem(file, name)
    for name, signature in OTHER_FORMATS.items():
        if _begins(signature, start):
            return "unsupported", f"a file in the format {name}; save it as PNG or JPEG"
    return "not_an_image", f"the content is none of {', '.join(formats)}"


def _begins(pattern: bytes, start: bytes) -> bool:
    return re.match(pattern, start, re.DOTALL) is not None


def _header_problem(file: BinaryIO, name: str) -> tuple[str, str]:
    """Returns what is wrong with the header of a file that begins like one of a format."""
    if name == "TIFF" and (bands := _band_problem(file)):
        return "unsupported", bands
    cause: BaseException = ValueError("its header makes no sense")
    factory, accept = Image.OPEN[name]
    try:
        file.seek(0)
        if not accept or accept(file.read(16)) is True:
            file.seek(0)
            factory(file, "").close()
    except Exception as error:  # Pillow's plug-ins raise nearly anything on broken files
        cause = error
    reason = " ".join(str(cause).split()) or type(cause).__name__
    if isinstance(cause.__cause__ or cause, IndexError | EOFError | struct.error) or CUT_OFF.search(
        reason
    ):
        return "truncated", f"a {name} file that is cut off in its header"
    if UNSUPPORTED.search(reason):
        return "unsupported", f"a {name} file of a kind that is not read ({reason})"
    return "unreadable", f"a damaged {name} file ({reason})"


def _band_problem(file: BinaryIO) -> str:
    """Returns what is wrong with the bands of a TIFF file; empty if its header is broken."""
    try:
        file.seek(0)
        tags = TiffImagePlugin.ImageFileDirectory_v2(header := file.read(8))
        if header[2:3] == b"+" or header[3:4] == b"+":
            return ""
        file.seek(tags.next)
        tags.load(file)
        bands, bits = int(tags.get(BANDS, 1)), tags.get(BITS, (1,))
    except Exception:  # as above
        return ""
    if bands > 4:
        return f"a TIFF of {bands} bands; save its red, green and blue as PNG or TIFF"
    depth = max(bits if isinstance(bits, tuple) else (bits,))
    kind = f"{bands} band{'s' * (bands > 1)} of {depth} bits"
    return f"a TIFF of {kind}, which is not read; save it as PNG or as TIFF of 8 bits"
