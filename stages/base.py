"""models/base/: the frozen part of InceptionV3, from uint8 pixels to features."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stages import outputs

FOLDER = Path("models/base")
NETWORK = "base.xml"  # for OpenVINO; its numbers lie in base.bin beside it
ARCHITECTURE = "architecture.json"  # for TensorFlow
WEIGHTS = "base.weights.h5"
ABOUT = "base.json"
TOP = "top."  # how the files of the network behind the cut begin


@dataclass(frozen=True)
class Base:
    """What the frozen network is.

    Attributes:
        cut: last frozen layer of InceptionV3, `mixed0` to `mixed10`.
        pooling: `avg`: features are averages over its map; `none`: they are the map.
        image_height: of the pictures it takes, in pixels.
        image_width: likewise.
        feature_shape: of one picture's features.
        dtype: of the features.
        engine: that runs it: `openvino` or `tensorflow`.
        precision: of its arithmetic: `float32` or `int8`.
        weights: `imagenet`, `random` or `sha256:<hash>`.
    """

    cut: str
    pooling: str
    image_height: int
    image_width: int
    feature_shape: tuple[int, ...]
    dtype: str
    engine: str
    precision: str
    weights: str

    def __str__(self) -> str:
        """Returns it in a few words."""
        size = f"{self.image_height}x{self.image_width}"
        return f"{size} pixels to {self.cut}, {self.precision}, {self.weights}"


def write_about(folder: Path, base: Base) -> None:
    """Writes `base` into the folder."""
    outputs.write_json(folder / ABOUT, asdict(base))


def read_about(folder: Path) -> Base:
    """Returns what the network in the folder is."""
    values = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return Base(**(values | {"feature_shape": tuple(values["feature_shape"])}))


def fingerprint(folder: Path, recipe: str) -> str:
    """Returns a SHA-256 of all between a picture's bytes and its features, in hexadecimal.

    Args:
        folder: models/base, whose files all count but those of the top behind the cut.
        recipe: what identifies the way from bytes to pixels and the engine.
    """
    whole = hashlib.sha256(recipe.encode())
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(TOP)):
        whole.update(path.name.encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
