"""A progress bar with images per second and time left."""

from typing import Never

from tqdm import tqdm


def bar(description: str, total: int | None, unit: str = " images") -> "tqdm[Never]":
    """Returns a progress bar with rate and time left; silent when not on a terminal."""
    scaled = unit == "B"
    return tqdm(total=total, desc=description, unit=unit, unit_scale=scaled, disable=None)
