"""Section `validate` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

from classifier.common.params import NonNegativeInt
from classifier.images.limits import Limits


@dataclass(frozen=True)
class Params(Limits):
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about unusable files
    group_seconds: NonNegativeInt  # images of one camera so close in time are a group; 0: none
