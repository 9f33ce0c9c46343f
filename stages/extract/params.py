"""Section `extract` of params.yaml."""

from dataclasses import dataclass

from classifier.common.params import NonNegativeInt, PositiveInt
from classifier.images.augmentation import ViewParams


@dataclass(frozen=True)
class Params(ViewParams):
    """Section `extract` of params.yaml; these two change no byte of a result."""

    batch_size: PositiveInt  # images in the network or on their way to the cache
    threads: NonNegativeInt  # processor cores to use; 0: all
