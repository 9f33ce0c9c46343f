"""A progress bar with images per second and time left."""

from typing import TYPE_CHECKING, Never

if TYPE_CHECKING:
    from tqdm import tqdm


def bar(description: str, total: int | None, unit: str = " images") -> "tqdm[Never]":
    """Returns a progress bar; it is silent if nothing is to do or stderr is not a terminal."""
    from tqdm import tqdm

    silent = True if total == 0 else None  # None: unless on a terminal
    return tqdm(total=total, desc=description, unit=unit, unit_scale=unit == "B", disable=silent)
