"""models/base/: the frozen part of InceptionV3, from uint8 pixels to features."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from classifier.common import files

FOLDER = Path("models/base")
NETWORK = "base.xml"  # for OpenVINO; its numbers lie in base.bin beside it
ARCHITECTURE = "architecture.json"  # for TensorFlow
WEIGHTS = "base.weights.h5"
INFO = "base.json"
UPPER = "upper."  # prefix of the files of the blocks above the last frozen layer


@dataclass(frozen=True)
class BaseInfo:
    """What the frozen network is.

    Attributes:
        last_layer: last frozen layer of InceptionV3, `mixed0` to `mixed10`.
        pooling: `avg`: features are averages over its map; `none`: they are the map.
        image_height: of the images it takes, in pixels.
        image_width: likewise.
        feature_shape: of one image's features.
        dtype: of the features.
        engine: that runs it: `openvino` or `tensorflow`.
        precision: of its arithmetic: `float32` or `int8`.
        weights: `imagenet`, `random` or `sha256:<hash>`.
    """

    last_layer: str
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
        return f"{size} pixels to {self.last_layer}, {self.precision}, {self.weights}"


def write_info(folder: Path, base: BaseInfo) -> None:
    """Writes `base` into the folder."""
    files.write_json(folder / INFO, asdict(base))


def read_info(folder: Path) -> BaseInfo:
    """Returns what the network in the folder is."""
    values = json.loads((folder / INFO).read_text(encoding="utf-8"))
    return BaseInfo(**(values | {"feature_shape": tuple(values["feature_shape"])}))


def files_hash(folder: Path) -> str:
    """Returns a SHA-256 of the network's files, in hexadecimal; the upper blocks do not count."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(UPPER)):
        whole.update(path.name.encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
