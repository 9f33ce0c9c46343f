"""Section `report` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Params:
    """Section `report` of params.yaml."""

    heat_maps: bool  # show which parts of an image speak for its class
