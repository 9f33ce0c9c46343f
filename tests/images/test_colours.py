import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from classifier.images.decode import decode_image

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def swapped() -> bytes:
    """Returns sRGB's profile with red and blue swapped: the tags of their primaries are."""
    return SRGB.replace(b"rXYZ", b"tmpX").replace(b"bXYZ", b"rXYZ").replace(b"tmpX", b"bXYZ")


def encoded(
    colour: tuple[int, ...], format_: str = "PNG", mode: str = "RGB", **options: object
) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (90, 80), colour).save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_colours_of_a_profile_are_converted_to_srgb(format_):
    data = encoded((200, 30, 60), format_, icc_profile=swapped())
    image = decode_image(data, 75, 75)
    assert np.abs(image.pixels[40, 40] - np.array([60, 30, 200])).max() <= 8
    assert image.conversion == "sRGB"


@pytest.mark.parametrize("profile", [SRGB, LAB, b"", b"broken" * 99, SRGB[:200]])
def test_a_profile_of_srgb_other_colours_or_none_changes_nothing(profile):
    image = decode_image(encoded((200, 30, 60), icc_profile=profile), 75, 75)
    assert (image.pixels == (200, 30, 60)).all()
    assert not image.conversion


def png_with_gamma(level: int, gamma: float) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"gAMA", round(gamma * 100_000).to_bytes(4, "big"))
    return encoded((level,) * 3, pnginfo=info)


def test_gamma_of_a_png_is_applied():
    assert decode_image(png_with_gamma(64, 1.0), 75, 75).pixels[0, 0].tolist() == [136] * 3
    assert decode_image(png_with_gamma(64, 0.45455), 75, 75).pixels[0, 0].tolist() == [64] * 3
