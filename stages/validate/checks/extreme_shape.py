"""Images so narrow that resizing to a square distorts them badly."""

from classifier.images.decode import DecodedImage
from stages.validate.checks.check import Check

MAX_RATIO = 5  # of the longer side to the shorter


def find(image: DecodedImage) -> str | None:
    """Returns the size of an image whose aspect ratio is above MAX_RATIO."""
    short, long = sorted((image.width, image.height))
    if long <= MAX_RATIO * short:
        return None
    size = f"{image.width:,} x {image.height:,} pixels"
    return f"{size}: aspect ratio above {MAX_RATIO}:1, distorted by resizing"


EXTREME_SHAPE = Check(
    "extreme_shape",
    version=1,
    meaning=f"the aspect ratio is above {MAX_RATIO}:1, so resizing distorts the image",
    find=find,
)
