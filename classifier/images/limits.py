"""What a file may cost to read."""

from dataclasses import dataclass

from classifier.common import params


@dataclass(frozen=True)
class Limits:
    """What a file may cost.

    Attributes:
        pixels: of the image.
        size: of the file, in bytes.
        seconds: to decode it.
    """

    pixels: int
    size: int
    seconds: float


@dataclass(frozen=True)
class LimitParams:
    """The limits in section `validate` of params.yaml."""

    max_megapixels: float  # of an image
    max_megabytes: float  # of a file
    decode_timeout: float  # seconds

    def __post_init__(self) -> None:
        for name in ("max_megapixels", "max_megabytes", "decode_timeout"):
            value = getattr(self, name)
            params.require(value > 0, f"validate.{name}", "more than 0", value)

    def limits(self) -> Limits:
        """Returns the limits in pixels, bytes and seconds."""
        pixels, size = round(1e6 * self.max_megapixels), round(1e6 * self.max_megabytes)
        return Limits(pixels, size, self.decode_timeout)
