"""Images too small to show much."""

from classifier.images.decode import DecodedImage
from stages.validate.checks.check import Check

MIN_SIDE = 32  # pixels


def find(image: DecodedImage) -> str | None:
    """Returns the size of an image whose shorter side is below MIN_SIDE."""
    if min(image.width, image.height) >= MIN_SIDE:
        return None
    return f"{image.width:,} x {image.height:,} pixels: shorter side below {MIN_SIDE} pixels"


TINY = Check("tiny", version=1, meaning=f"the shorter side is below {MIN_SIDE} pixels", find=find)
