import io
import struct

import numpy as np
import pytest
from PIL import Image

from classifier.images.decode import FORMATS, ImageError, decode_image


def encoded(format_: str, **options: object) -> bytes:
    y, x = np.mgrid[:90, :120]
    file = io.BytesIO()
    Image.fromarray(np.stack([x, y, x + y], axis=-1).astype(np.uint8)).save(
        file, format_, **options
    )
    return file.getvalue()


def tiff(bands: int, bits: int = 16) -> bytes:
    """Returns the header of a little-endian TIFF of some bands."""
    tags = [(256, 4, 1, 9), (257, 4, 1, 9), (258, 3, 1, bits), (262, 3, 1, 2), (277, 3, 1, bands)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 400


def problem(data: bytes) -> str:
    with pytest.raises(ImageError) as info:
        decode_image(data, 75, 75)
    return f"{info.value.code}: {info.value.detail}"


@pytest.mark.parametrize("bands", [5, 8, 13])
def test_a_tiff_of_many_bands_names_them(bands):
    expected = f"unsupported: a TIFF of {bands} bands; save its red, green and blue as PNG or TIFF"
    assert problem(tiff(bands)) == expected


def test_a_tiff_of_odd_pixels_says_which():
    assert problem(tiff(3, 32)).startswith("unsupported: a TIFF of 3 bands of 32 bits, which is")


def test_a_git_lfs_pointer_names_the_remedy():
    data = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
    assert problem(data).startswith("not_an_image: a Git LFS pointer, not the image; run `git lfs")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("broken", ["cut", "zeros"])
def test_a_broken_header_is_a_problem_of_its_format(format_, broken):
    data = encoded(format_)
    start = 12 if format_ in ("WEBP", "AVIF", "HEIF") else 8
    data = data[: start + 3] if broken == "cut" else data[:start] + b"\0" * (len(data) - start)
    assert problem(data).startswith(("truncated: ", "unreadable: ", "unsupported: "))


@pytest.mark.parametrize(
    ("start", "name"),
    [(b"\0\0\0\x0cjP  \r\n", "JPEG 2000"), (b"\xff\x0a", "JPEG XL"), (b"8BPS\0\1", "Photoshop")],
)
def test_another_format_is_named(start, name):
    assert problem(start + b"\0" * 99).startswith(f"unsupported: a file in the format {name}; save")


@pytest.mark.parametrize(
    "text", [b"BMW and others, " * 9, b"Python", b"P5 is a font", b"GIF", b"<p>"]
)
def test_a_text_that_begins_like_an_image_is_none(text):
    assert problem(text).startswith("not_an_image: the content is none of JPEG, PNG, ")
