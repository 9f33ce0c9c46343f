"""The maps of the images that were explained last: with a new head they need no network.

Heat maps of another head need the same maps of the images, and many of the images are the same.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from classifier.cache import arrays

NAME = "maps.bin"
BUDGET = 64_000_000  # bytes
KEYS = "keys"

Maps = Sequence[np.ndarray]  # float16 (h, w, c) for each layer


def read(path: Path, network: str) -> dict[bytes, Maps]:
    """Returns the maps of images by key; none if they are of another network, or damaged."""
    found = arrays.read(path, network)
    keys = found.pop(KEYS, ())
    return {key.tobytes(): maps for key, *maps in zip(keys, *found.values(), strict=True)}


def write(path: Path, network: str, maps: Mapping[bytes, Maps]) -> None:
    """Replaces the file by maps, the first that fit.

    Args:
        path: the file.
        network: identifies the way from bytes to maps.
        maps: of one image or more, by keys of the same length.
    """
    size = sum(layer.nbytes for layer in next(iter(maps.values())))
    kept = dict(islice(maps.items(), BUDGET // size))
    layers = [np.stack(layer) for layer in zip(*kept.values(), strict=True)]
    keys = np.array([np.frombuffer(key, np.uint8) for key in kept])
    stacks = {f"layer_{number}": layer for number, layer in enumerate(layers)}
    arrays.write(path, network, {KEYS: keys, **stacks})
