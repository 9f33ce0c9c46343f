"""What a file may cost to read."""

from dataclasses import dataclass

from classifier.common.params import PositiveFloat


@dataclass(frozen=True)
class Limits:
    """The limits in section `validate` of params.yaml."""

    max_megapixels: PositiveFloat  # of an image
    max_megabytes: PositiveFloat  # of a file
    decode_timeout: PositiveFloat  # seconds

    @property
    def pixels(self) -> int:
        """Returns how many pixels an image may have."""
        return round(1e6 * self.max_megapixels)

    @property
    def size(self) -> int:
        """Returns how many bytes a file may have."""
        return round(1e6 * self.max_megabytes)
