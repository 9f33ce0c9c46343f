import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from classifier.images.capture import Capture
from classifier.images.decode import decode_image

BASE = ExifTags.Base
NOON = 1_714_564_800.0  # 2024-05-01 12:00:00


def image_bytes(format_="JPEG", time="2024:05:01 12:00:00", sub=None, serial=None, **camera):
    """Returns an image with EXIF."""
    exif = Image.Exif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    for tag, value in ((BASE.DateTimeOriginal, time), (BASE.SubsecTimeOriginal, sub)):
        if value is not None:
            inner[tag] = value
    if serial is not None:
        inner[BASE.BodySerialNumber] = serial
    for name, value in camera.items():
        exif[BASE[name]] = value
    file = io.BytesIO()
    Image.new("RGB", (90, 80), "red").save(file, format_, exif=exif.tobytes())
    return file.getvalue()


def capture(**values):
    return decode_image(image_bytes(**values), 75, 75).capture


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_time_and_camera_are_read_from_every_format(format_):
    found = capture(format_=format_, sub="25", serial="007", Make="Canon", Model=" EOS  5D\0")
    assert found == Capture(NOON + 0.25, "Canon EOS 5D 007")


def test_an_image_without_exif_was_taken_at_no_known_time():
    file = io.BytesIO()
    Image.new("RGB", (90, 80)).save(file, "PNG")
    assert decode_image(file.getvalue(), 75, 75).capture is None


@pytest.mark.parametrize(
    "time",
    [
        *("0000:00:00 00:00:00", "2024:02:30 12:00:00", "2024:05:01 12:00:61"),
        *("2024:05:01 25:00:00", "2024:05:01 00:00:00", "2024:05:01", "    :  :     :  :  "),
        *("yesterday", "", "9" * 9999),
    ],
)
def test_an_impossible_or_incomplete_time_is_none(time):
    assert capture(time=time, sub="x") is None


@given(
    time=st.text() | st.binary() | st.integers(0, 2**32 - 1) | st.just("2024:05:01 12:00:00"),
    sub=st.text() | st.binary() | st.integers(0, 2**32 - 1),
    make=st.text() | st.binary(),
)
def test_no_exif_is_an_error(time, sub, make):
    found = capture(format_="PNG", time=time, sub=sub, Make=make)
    assert found is None or (found.camera.isprintable() and len(found.camera) <= 80)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bytes_that_are_changed_at_random_are_no_error():
    data = image_bytes(sub="25", Make="Canon", Model="EOS 5D")
    start = data.index(b"Exif")
    for place in range(start, start + int.from_bytes(data[start - 2 : start]) - 2):
        for value in (0, 1, 127, 255):
            changed = data[:place] + bytes([value]) + data[place + 1 :]
            decode_image(changed, 75, 75)
