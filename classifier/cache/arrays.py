"""Arrays in one file, kept until what they depend on changes."""

import hashlib
import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.common.errors import StageError

DIGEST = 64  # bytes of the checksum at the start of the file
RECIPE = "recipe"


def read(path: Path, recipe: str) -> dict[str, np.ndarray]:
    """Returns the arrays; none if the file cannot be read, is damaged or is of another recipe.

    Args:
        path: the file.
        recipe: all that the arrays depend on.
    """
    try:
        data = memoryview(path.read_bytes())
    except OSError:  # another process may have deleted it
        return {}
    if hashlib.blake2b(data[DIGEST:]).digest() != data[:DIGEST]:
        return {}
    with np.load(io.BytesIO(data[DIGEST:]), allow_pickle=False) as arrays:
        found = dict(arrays)
    return found if str(found.pop(RECIPE)) == recipe else {}


def write(path: Path, recipe: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Replaces the file; if it cannot be written, that does no harm.

    Args:
        path: the file.
        recipe: all that the arrays depend on.
        arrays: by name; no name is `recipe`.
    """
    buffer = io.BytesIO()
    np.savez(buffer, recipe=recipe, **arrays)  # type: ignore[arg-type]
    with suppress(StageError), files.atomic_write(path) as part, part.open("wb") as file:
        file.write(hashlib.blake2b(buffer.getbuffer()).digest())
        file.write(buffer.getbuffer())
