"""Section `validate` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

from classifier.common import params, parquet
from classifier.common.params import NonNegativeInt
from classifier.images.limits import Limits

ValueRange = Literal["auto"] | tuple[float, float]
MANY = 2_000_000  # images, above which `auto` is Parquet


@dataclass(frozen=True)
class Params(Limits):
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about unusable files
    group_seconds: NonNegativeInt  # images of one camera so close in time are a group; 0: none
    value_range: ValueRange  # black and white of images with more than 8 bits
    table_format: Literal["auto", "csv", "parquet"]  # of the tables of all images
    run_on: Literal["here", "ray"]  # this machine, or a Ray cluster; changes no byte of a result

    def __post_init__(self) -> None:
        if self.value_range != "auto":
            black, white = self.value_range
            rule = "auto, or two numbers [black, white], black less than white"
            params.require(black < white, "validate.value_range", rule, self.value_range)
        if self.table_format == "parquet":
            parquet.require(f"{params.PATH}: validate.table_format: parquet")

    def wants_parquet(self, n_images: int) -> bool:
        """Tells whether the tables of so many images suit Parquet, be it installed or not."""
        many = self.table_format == "auto" and n_images > MANY
        return many or self.table_format == "parquet"

    def as_parquet(self, n_images: int) -> bool:
        """Tells whether the tables of so many images are Parquet."""
        return self.wants_parquet(n_images) and parquet.is_installed()
