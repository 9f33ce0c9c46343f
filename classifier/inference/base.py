"""models/base/: the frozen part of InceptionV3, from uint8 pixels to features."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from classifier.common import files

FOLDER = Path("models/base")
NETWORK = "base.xml"  # of OpenVINO; its weights are in base.bin beside it
ARCHITECTURE = "architecture.json"  # of Keras, for TensorFlow
WEIGHTS = "base.weights.h5"
INFO = "base.json"
UPPER = "upper."  # prefix of the files of the blocks above the last frozen layer


@dataclass(frozen=True)
class NetworkSpec:
    """Which part of InceptionV3 to use."""

    last_layer: str  # last frozen layer, mixed0 to mixed10
    pooling: Literal["avg", "none"]  # avg: features are averages over its map; none: the map
    image_height: int  # pixels
    image_width: int  # pixels


@dataclass(frozen=True)
class BaseInfo(NetworkSpec):
    """What the frozen network is."""

    feature_shape: tuple[int, ...]  # of one image
    dtype: str  # of the features
    engine: str  # that runs the network: openvino or tensorflow
    precision: str  # of its arithmetic: float32 or int8
    weights: str  # imagenet, random or sha256:<hash>

    def __str__(self) -> str:
        """Returns a short description."""
        size = f"{self.image_height}x{self.image_width}"
        return f"InceptionV3 up to {self.last_layer}, {size}, {self.precision}, {self.weights}"


def write_info(folder: Path, info: BaseInfo) -> None:
    """Writes `info` into the folder."""
    files.write_json(folder / INFO, asdict(info))


def read_info(folder: Path) -> BaseInfo:
    """Returns what the network in the folder is."""
    values = json.loads((folder / INFO).read_text(encoding="utf-8"))
    return BaseInfo(**(values | {"feature_shape": tuple(values["feature_shape"])}))


def files_hash(folder: Path) -> str:
    """Returns a SHA-256 of the network's files, without those of the upper blocks."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(UPPER)):
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
