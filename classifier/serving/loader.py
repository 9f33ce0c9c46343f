"""Loads images in worker processes, so that a slow or hostile one does not hold up the others."""

import math

from classifier.html import thumbnails
from classifier.images.decode import ImageError
from classifier.images.decode_pool import DecodePool
from classifier.images.grey_levels import Ranges
from classifier.images.limits import Limits
from classifier.serving import inputs
from classifier.serving.inputs import ImageSource, LoadedImage

QUICK_SECONDS = 1.0  # after which an image goes to the patient worker


class ImageLoader:
    """Quick workers for nearly all images, and a patient one for the slow and the large.

    Args:
        height: pixels, to resize images to.
        width: pixels.
        limits: on each image; decode_timeout is that of the patient worker.
        ranges: black and white of 16- and 32-bit images.
        memory: bytes that decoding an image may take, about.
    """

    def __init__(
        self, height: int, width: int, limits: Limits, ranges: Ranges, memory: float = math.inf
    ) -> None:
        self._limits, self._args = limits, (height, width, limits, ranges, memory)
        self._quick, self._patient = DecodePool(limits.pixels), DecodePool(limits.pixels, 1)
        self._quick.start()

    def load(self, source: ImageSource, patience: float | None = None) -> LoadedImage:
        """Returns the image, or the reason why it cannot be read; may be called in any thread.

        `patience` is how many seconds it may wait for other slow images; None: no limit.
        """
        limit = self._limits.decode_timeout
        try:
            if image := self._quick.call(
                inputs.load_small, source, *self._args, seconds=min(limit, QUICK_SECONDS)
            ):
                return image
        except ImageError:
            pass  # the patient worker tells what is wrong
        try:
            return self._patient.call(
                inputs.load, source, *self._args, seconds=limit, patience=patience
            )
        except ImageError as error:
            return inputs.failed(source, error)

    def thumbnail(self, path: str) -> str:
        """Returns the thumbnail of a file as a data URI; empty if it has none."""
        try:
            pixels = self._limits.pixels
            return self._quick.call(thumbnails.of_file, path, pixels, seconds=QUICK_SECONDS)
        except ImageError:
            return ""

    def close(self) -> None:
        """Ends the processes."""
        self._quick.close()
        self._patient.close()
