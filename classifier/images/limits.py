"""What a file may cost to read."""

from dataclasses import dataclass

from classifier.common import params


@dataclass(frozen=True)
class Limits:
    """The limits in section `validate` of params.yaml."""

    max_megapixels: float  # of an image
    max_megabytes: float  # of a file
    decode_timeout: float  # seconds

    def __post_init__(self) -> None:
        for name in ("max_megapixels", "max_megabytes", "decode_timeout"):
            value = getattr(self, name)
            params.require(value > 0, f"validate.{name}", "more than 0", value)

    @property
    def pixels(self) -> int:
        """Returns how many pixels an image may have."""
        return round(1e6 * self.max_megapixels)

    @property
    def size(self) -> int:
        """Returns how many bytes a file may have."""
        return round(1e6 * self.max_megabytes)
