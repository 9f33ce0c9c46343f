"""Section `validate` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

from classifier.images.limits import Limits


@dataclass(frozen=True)
class Params(Limits):
    """Section `validate` of params.yaml."""

    bad_images: Literal["skip", "fail"]  # what to do about unusable files
