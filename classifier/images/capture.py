"""When and with which camera an image was taken, as its EXIF says."""

import re
from datetime import datetime
from typing import NamedTuple

from PIL import ExifTags, Image

TIME = re.compile(r"([0-9]{4})[:/-]([0-9]{2})[:/-]([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})")
MILLISECONDS = re.compile("[0-9]{1,3}")
MAX_LENGTH = 80  # of the camera's name


class Capture(NamedTuple):
    """When an image was taken, and with which camera."""

    seconds: float  # since 1970, by the camera's clock
    camera: str  # make, model and serial number; empty if not given


def read(image: Image.Image) -> Capture | None:
    """Returns when and with which camera an image was taken; None if its EXIF has no valid time."""
    base = ExifTags.Base
    try:
        outer = image.getexif()
        inner = outer.get_ifd(ExifTags.IFD.Exif)
        time = _text(inner.get(base.DateTimeOriginal))
        subsecond = _text(inner.get(base.SubsecTimeOriginal))
        camera = (outer.get(base.Make), outer.get(base.Model), inner.get(base.BodySerialNumber))
    except Exception:  # Pillow raises nearly anything on broken EXIF
        return None
    seconds = _seconds(time, subsecond)
    name = " ".join(filter(None, map(_text, camera)))[:MAX_LENGTH].strip()
    return None if seconds is None else Capture(seconds, name)


def _text(value: object) -> str:
    """Returns a text without spaces around it and unprintable characters; empty for a non-text."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(filter(str.isprintable, value[: 2 * MAX_LENGTH])).split())


def _seconds(time: str, subsecond: str) -> float | None:
    """Returns the seconds since 1970; None without a date and a time of the day.

    Midnight to the second is how a date without a time is written.
    """
    found = TIME.match(time)
    try:
        moment = found and datetime.fromisoformat("{}-{}-{}T{}:{}:{}+00:00".format(*found.groups()))
    except ValueError:  # such as 0000:00:00
        return None
    if not moment:
        return None
    digits = MILLISECONDS.match(subsecond)
    seconds = moment.timestamp() + (float(f"0.{digits[0]}") if digits else 0)
    return seconds if seconds % 86_400 else None
