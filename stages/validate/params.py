"""Section `validate` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

from classifier.common import params, parquet
from classifier.common.params import NonNegativeInt
from classifier.dataset.manifest import TableFormat
from classifier.images.limits import Limits

ValueRange = Literal["auto"] | tuple[float, float]


@dataclass(frozen=True)
class Params(Limits, TableFormat):
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about unusable files
    group_seconds: NonNegativeInt  # images of one camera so close in time are a group; 0: none
    value_range: ValueRange  # black and white of images with more than 8 bits
    run_on: Literal["here", "ray"]  # this machine, or a Ray cluster; changes no byte of a result

    def __post_init__(self) -> None:
        if self.value_range != "auto":
            black, white = self.value_range
            rule = "auto, or two numbers [black, white], black less than white"
            params.require(black < white, "validate.value_range", rule, self.value_range)
        if self.table_format == "parquet":
            parquet.require(f"{params.PATH}: validate.table_format: parquet")
