import io
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from benchmarks import peak
from classifier.images import decode
from classifier.images.decode import ImageError, decode_image
from tests.project import SHARED


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def scene(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    levels = np.stack([x * 255 / width, y * 255 / height, 127 + 120 * np.sin(x / 9)], axis=-1)
    return Image.fromarray(levels.astype(np.uint8))


@pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF", "PPM"])
def test_pixels_are_pillows_antialiased_bilinear(format_):
    image = scene(200, 120)
    expected = np.asarray(image.resize((90, 80), Image.Resampling.BILINEAR))
    assert (decode_image(encoded(image, format_), 80, 90).pixels == expected).all()


@pytest.mark.parametrize("format_", ["WEBP", "AVIF"])
def test_size_and_format_are_those_of_the_image_itself(format_):
    image = decode_image(encoded(scene(200, 120), format_), 80, 90)
    assert (image.width, image.height, image.format) == (200, 120, format_)
    assert (image.pixels.shape, image.pixels.dtype) == ((80, 90, 3), np.uint8)


def test_heic_is_read_if_its_package_is_installed():
    original = scene(200, 120)
    image = decode_image(encoded(original, "HEIF", quality=95), 60, 100)
    expected = np.asarray(original.resize((100, 60), Image.Resampling.BILINEAR)).astype(int)
    assert (image.width, image.height, image.format) == (200, 120, "HEIF")
    assert np.abs(image.pixels - expected).mean() < 3


def test_heic_without_its_package_names_the_remedy(monkeypatch):
    data = encoded(scene(200, 120), "HEIF")
    monkeypatch.setattr(decode, "pillow_heif", None)
    monkeypatch.setattr(decode, "FORMATS", decode.FORMATS[:-1])
    with pytest.raises(ImageError, match="unsupported: a HEIC image; run `pip install pillow"):
        decode_image(data, 75, 75)


def test_draft_mode_hardly_changes_a_large_jpeg():
    data = encoded(scene(1600, 1200), "JPEG", quality=95)
    whole = Image.open(io.BytesIO(data)).resize((299, 299), Image.Resampling.BILINEAR)
    difference = np.abs(decode_image(data, 299, 299).pixels.astype(int) - np.asarray(whole))
    assert 0 < difference.mean() < 1


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(160, 96), "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image = decode_image(data, 75, 80)
    expected = np.asarray(upright.resize((80, 75), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(image.pixels - expected).max() <= 1
    assert (image.width, image.height) == upright.size


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_ignored(format_):
    data = encoded(scene(200, 120), format_, exif=b"Exif\0\0garbage")
    assert decode_image(data, 75, 75).pixels.shape == (75, 75, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "RGBA", "I", "F"])
def test_any_mode_becomes_rgb_as_in_pillow(mode):
    original = scene(100, 80).convert("L" if mode in ("I", "F") else mode)
    image = decode_image(encoded(original.convert(mode), "TIFF"), 80, 100)
    difference = np.abs(image.pixels - np.asarray(original.convert("RGB")).astype(int))
    assert difference.max() <= 1


def test_transparent_pixels_become_white():
    for image in (Image.new("RGBA", (90, 90), (9, 9, 9, 0)), Image.new("LA", (90, 90), (9, 0))):
        assert (decode_image(encoded(image, "PNG"), 75, 75).pixels == 255).all()


def test_a_transparent_palette_colour_becomes_white():
    image = Image.new("P", (90, 90), 0)
    image.putpalette([10, 20, 30])
    assert (decode_image(encoded(image, "PNG", transparency=0), 75, 75).pixels == 255).all()


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_to_eight(format_):
    image = Image.fromarray(np.full((90, 90), 32768, np.uint16))
    assert (decode_image(encoded(image, format_), 75, 75).pixels == 128).all()


@pytest.mark.parametrize(
    ("data", "grey"),
    [
        (b"P1 2 2 1 1 1 1", 0),
        (b"P2 # words\n2 2 15 15 15 15 15", 255),
        (b"P3 1 1 255 128 128 128", 128),
        (b"P5 2 2 127\n\x7f\x7f\x7f\x7f", 255),
    ],
)
def test_text_and_odd_pixel_maps_are_read(data, grey):
    assert (decode_image(data, 75, 75).pixels == grey).all()


def test_the_first_frame_of_an_animation_is_used():
    frames = [Image.new("RGB", (90, 90), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode_image(data, 75, 75).pixels == (255, 0, 0)).all()


JPEG = encoded(scene(200, 120), "JPEG")
NOT_FINITE = Image.fromarray(np.full((9, 9), np.nan, np.float32))
BROKEN = [
    (encoded(NOT_FINITE, "TIFF"), "unreadable"),
    (b"", "empty_file"),
    (b"<!DOCTYPE html><title>Not found</title>", "not_an_image"),
    (JPEG[: len(JPEG) // 2], "truncated"),
    (encoded(scene(99, 99), "PNG")[:-200], "truncated"),
    (JPEG[:10], "truncated"),
]


@pytest.mark.parametrize(("data", "code"), BROKEN)
def test_a_broken_file_has_its_code(data, code):
    with pytest.raises(ImageError) as info:
        decode_image(data, 75, 75)
    assert info.value.code == code
    assert info.value.detail


def test_a_decompression_bomb_is_too_large():
    with pytest.raises(ImageError, match="too_large: 200 x 120 pixels, more than 23,999 in all"):
        decode_image(JPEG, 75, 75, max_pixels=200 * 120 - 1)
    assert decode_image(JPEG, 75, 75, max_pixels=200 * 120).width == 200


def test_other_formats_are_not_opened():
    with pytest.raises(ImageError, match="not_an_image"):
        decode_image(encoded(scene(90, 90), "TGA"), 75, 75)


@given(st.integers(0, len(JPEG) - 1), st.integers(1, 255))
def test_a_flipped_byte_gives_pixels_or_an_image_error(place, change):
    data = bytearray(JPEG)
    data[place] ^= change
    try:
        assert decode_image(bytes(data), 75, 75).pixels.shape == (75, 75, 3)
    except ImageError as error:
        assert error.detail


@given(st.binary(max_size=200))
def test_any_bytes_give_pixels_or_an_image_error(data):
    try:
        assert decode_image(data, 75, 75).pixels.shape == (75, 75, 3)
    except ImageError as error:
        assert error.detail


def test_the_test_files_of_image_libraries_give_pixels_or_an_image_error():
    paths = [path for path in (SHARED / "images" / "hard").rglob("*") if path.is_file()]
    if not paths:
        pytest.skip("no hard files in the folder `shared` beside the project")
    results = [result(path) for path in paths]
    assert results.count("ok") > len(paths) / 2


def result(path: Path) -> str:
    try:
        assert decode_image(path.read_bytes(), 75, 75, 10**8).pixels.shape == (75, 75, 3)
    except ImageError as error:
        return error.code
    return "ok"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16", "F", "CMYK"])
def test_resizing_in_bands_gives_the_same_image(mode, monkeypatch):
    image = scene(700, 900)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    deep = np.asarray(image.convert("L"), np.uint16) * 200
    deep_grey = {"I;16": Image.fromarray(deep), "F": Image.fromarray(deep.astype(np.float32))}
    format_ = "TIFF" if mode in ("F", "CMYK") else "PNG"
    data = encoded(deep_grey.get(mode) or image.convert("RGB").convert(mode), format_)
    if mode in ("RGBA", "LA"):
        data = encoded(image.convert(mode), format_)
    whole = decode_image(data, 80, 70).pixels.astype(int)
    monkeypatch.setattr(decode, "BAND", 50_000)
    assert np.abs(decode_image(data, 80, 70).pixels - whole).max() <= 1


def test_images_that_exceed_the_budget_are_decoded_one_by_one():
    budget, events = decode.PixelBudget(100), []

    def hold(pixels: int) -> None:
        with budget.reserve(pixels):
            events.append(pixels)
            time.sleep(0.05)
            events.append(-pixels)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(hold, [500, 99, 60]))
    assert all(first == -second for first, second in zip(events[::2], events[1::2], strict=True))


PEAK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from classifier.images.decode import decode_image
paths = [Path(sys.argv[1])] * 4
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda path: decode_image(path.read_bytes(), 75, 75), paths))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="peak memory is read from Linux's /proc")
def test_memory_holds_one_huge_image_at_a_time(tmp_path):
    Image.new("RGBA", (8000, 7000), (9, 9, 9, 99)).save(tmp_path / "a.png", compress_level=1)
    command = [sys.executable, "-c", PEAK + peak.CODE, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 56 * 4 + 200  # MB: its pixels, and Python with its libraries


def lossless_jpeg(width: int, height: int) -> bytes:
    """Returns a flat grey image (ITU-T T.81, annex H): every difference has the code 0."""

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

    frame = segment(0xC3, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    code = segment(0xC4, bytes([0, 1, *[0] * 15, 0]))
    scan = segment(0xDA, bytes([1, 1, 0, 1, 0, 0])) + bytes(width * height // 8 + 1)
    return b"\xff\xd8" + frame + code + scan + b"\xff\xd9"


@pytest.mark.parametrize("side", [64, 75, 299, 600])
def test_lossless_jpeg_is_read_at_any_size(side):
    assert (decode_image(lossless_jpeg(640, 480), side, side).pixels == 128).all()


def test_the_empty_alpha_channel_of_a_bmp_is_ignored():
    pixels = bytes([60, 30, 200, 0]) * 90 * 90
    sizes = struct.pack("<IiiHHIIiiII", 108, 90, 90, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
    header = b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122)
    image = decode_image(header + sizes + masks + pixels, 75, 75)
    assert (image.pixels == (200, 30, 60)).all()
    assert image.conversion == "opaque"


def test_transparent_pixels_of_an_avif_become_white():
    data = encoded(Image.new("RGBA", (90, 90), (200, 30, 60, 0)), "AVIF")
    assert (decode_image(data, 75, 75).pixels >= 254).all()
