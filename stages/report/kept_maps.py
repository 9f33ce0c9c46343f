"""The maps of the images that were explained last: with a new head they need no network.

Heat maps of another head need the same maps of the images, and many of the images are the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from classifier.cache import arrays

FOLDER = "maps"
BUDGET = 64_000_000  # bytes

Maps = Sequence[np.ndarray]  # float16 (h, w, c) for each layer


def read(folder: Path, network: str, keys: Iterable[bytes]) -> dict[bytes, Maps]:
    """Returns the maps of images by key: those that are kept, intact and of this network."""
    found = {key: arrays.read(_file(folder, key), network) for key in keys}
    return {key: list(layers.values()) for key, layers in found.items() if layers}


def write(
    folder: Path, network: str, maps: Mapping[bytes, Maps], current: Collection[bytes]
) -> None:
    """Keeps maps, and deletes the oldest above BUDGET.

    Args:
        folder: of the files, one for each image.
        network: identifies the way from bytes to maps.
        maps: new ones, by key.
        current: keys that are in use, of these maps or others: they are deleted last.
    """
    for key, layers in maps.items():
        named = {f"layer_{number}": layer for number, layer in enumerate(layers)}
        arrays.write(_file(folder, key), network, named)
    used = {_file(folder, key) for key in current}
    with suppress(OSError):  # another process deletes, too, or the folder is read-only
        size = 0
        kept = [(path in used, path.stat(), path) for path in folder.glob("*.bin")]
        for _, stat, path in sorted(kept, key=lambda file: (file[0], file[1].st_mtime_ns))[::-1]:
            size += stat.st_size
            if size > BUDGET:
                path.unlink()


def _file(folder: Path, key: bytes) -> Path:
    return folder / f"{key.hex()}.bin"
