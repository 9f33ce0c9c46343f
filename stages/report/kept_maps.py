"""The maps of the images that were explained last: with a new head they need no network.

Heat maps of another head need the same maps of the images, and most of the images are the same. One
file has them all, so that they stay few.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.common.errors import StageError

NAME = "maps.bin"
BUDGET = 64_000_000  # bytes
DIGEST = 64  # bytes of the checksum at the start of the file

Maps = Sequence[np.ndarray]  # float16 (h, w, c) for each layer


def read(path: Path, network: str) -> dict[bytes, Maps]:
    """Returns the maps of images by key; none if they are of another network, or damaged."""
    if not path.exists():
        return {}
    data = memoryview(path.read_bytes())
    if hashlib.blake2b(data[DIGEST:]).digest() != data[:DIGEST]:
        return {}
    with np.load(io.BytesIO(data[DIGEST:]), allow_pickle=False) as arrays:
        if str(arrays["network"]) != network:
            return {}
        layers = [arrays[name] for name in arrays.files if name.startswith("layer")]
        return {key.tobytes(): maps for key, *maps in zip(arrays["keys"], *layers, strict=True)}


def write(path: Path, network: str, maps: Mapping[bytes, Maps]) -> None:
    """Replaces the file by maps, as many as fit; if it cannot be written, that does no harm.

    Args:
        path: the file.
        network: identifies the way from bytes to maps.
        maps: of one image or more, by keys of the same length.
    """
    size = sum(layer.nbytes for layer in next(iter(maps.values())))
    kept = dict(islice(maps.items(), BUDGET // size))
    layers = [np.stack(layer) for layer in zip(*kept.values(), strict=True)]
    arrays = {f"layer_{number}": layer for number, layer in enumerate(layers)}
    keys = np.array([np.frombuffer(key, np.uint8) for key in kept])
    buffer = io.BytesIO()
    np.savez(buffer, network=network, keys=keys, **arrays)
    with suppress(StageError), files.atomic_write(path) as part, part.open("wb") as file:
        file.write(hashlib.blake2b(buffer.getbuffer()).digest())
        file.write(buffer.getbuffer())
