"""Section `extract` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

from classifier.common.params import NonNegativeInt, PositiveInt
from classifier.images.augmentation import ViewParams


@dataclass(frozen=True)
class Params(ViewParams):
    """Section `extract` of params.yaml; these three change no byte of a result."""

    batch_size: PositiveInt  # images in the network or on their way to the cache
    threads: NonNegativeInt  # processor cores to use; 0: all
    run_on: Literal["here", "ray"]  # this machine, or a Ray cluster
