"""Column `conversion`: what an image's pixels depend on besides its bytes, if anything.

The words are those below, or a depth with black and white: `16-bit 0 4095 sRGB`. Cached features
of such images have keys of their own.
"""

from collections.abc import Iterable

from classifier.images import colours
from classifier.images.grey_levels import KINDS, Range, Ranges

TO_SRGB = "sRGB"  # converted from the colours of a profile or of PNG's gamma
OPAQUE = "opaque"  # the alpha channel of a BMP is ignored
TRANSPARENT = "transparent"  # the transparent colour of a PNG with 48 bits per pixel


def with_ranges(conversion: str, ranges: Ranges) -> str:
    """Returns a conversion with black and white after its depth."""
    words = []
    for word in conversion.split():
        words += [word, *(f"{level:.9g}" for level in ranges.get(word, ()))]
    return " ".join(words)


def ranges(conversion: str) -> dict[str, Range]:
    """Returns black and white by depth."""
    words = conversion.split()
    return {
        word: Range(float(words[place + 1]), float(words[place + 2]))
        for place, word in enumerate(words)
        if word in KINDS
    }


def all_ranges(conversions: Iterable[str]) -> str:
    """Returns the depths of some images, each once, with black and white."""
    found: dict[str, Range] = {}
    for conversion in conversions:
        found |= ranges(conversion)
    return with_ranges(" ".join(sorted(found)), found)


def key(conversion: str) -> str:
    """Returns all that a conversion depends on; empty for an image without."""
    return f"{conversion} {colours.version() if TO_SRGB in conversion else ''}".strip()
