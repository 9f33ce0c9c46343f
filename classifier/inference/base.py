"""models/base/: the frozen part of InceptionV3, from uint8 pixels to features."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from classifier.common import files
from classifier.common.errors import StageError

FOLDER = Path("models/base")
NETWORK = "base.xml"  # of OpenVINO; its weights are in base.bin beside it
ARCHITECTURE = "architecture.json"  # of Keras, for TensorFlow
WEIGHTS = "base.weights.h5"
INFO = "base.json"
UPPER = "upper."  # prefix of the files of the blocks above the last frozen layer

LayerName = Literal[
    "mixed0", "mixed1", "mixed2", "mixed3", "mixed4", "mixed5",
    "mixed6", "mixed7", "mixed8", "mixed9", "mixed10",
]  # fmt: skip
LAYERS: tuple[str, ...] = get_args(LayerName)  # in network order


def in_network_order(layers: Collection[str]) -> tuple[str, ...]:
    """Returns layers in network order, each once."""
    return tuple(name for name in LAYERS if name in layers)


@dataclass(frozen=True)
class NetworkSpec:
    """Which part of InceptionV3 to use."""

    layers: Sequence[
        str
    ]  # whose features are used, mixed0 to mixed10; all up to the last are frozen
    pooling: Literal["avg", "none"]  # avg: features are averages over their maps; none: the map
    image_height: int  # pixels
    image_width: int  # pixels


@dataclass(frozen=True)
class BaseInfo(NetworkSpec):
    """What the frozen network is."""

    layers: tuple[str, ...]  # in network order, as their features are
    layer_sizes: tuple[int, ...]  # number of features of each layer; of maps: channels
    feature_shape: tuple[int, ...]  # of one image
    dtype: str  # of the features
    engine: str  # that runs the network: openvino or tensorflow
    precision: str  # of its arithmetic: float32 or int8
    weights: str  # imagenet, random or sha256:<hash>

    def __str__(self) -> str:
        """Returns a short description."""
        size = f"{self.image_height}x{self.image_width}"
        return f"InceptionV3 up to {self.layer_names}, {size}, {self.precision}, {self.weights}"

    @property
    def layer_names(self) -> str:
        """Returns the layers as a phrase: `layer mixed10`, `layers mixed8 and mixed10`."""
        *others, last = self.layers
        return f"layers {', '.join(others)} and {last}" if others else f"layer {last}"


def write_info(folder: Path, info: BaseInfo) -> None:
    """Writes `info` into the folder."""
    files.write_json(folder / INFO, asdict(info))


def read_info(folder: Path) -> BaseInfo:
    """Returns what the network in the folder is.

    Raises:
        StageError: the folder is that of another version of this project.
    """
    path = folder / INFO
    values = json.loads(path.read_text(encoding="utf-8"))
    try:
        lists = {name: tuple(values[name]) for name in ("layers", "layer_sizes", "feature_shape")}
        return BaseInfo(**(values | lists))
    except (KeyError, TypeError):
        raise StageError(
            f"{path.as_posix()}: written by another version of this project; run `dvc repro`"
        ) from None


def files_hash(folder: Path) -> str:
    """Returns a SHA-256 of the network's files, without those of the upper blocks."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(UPPER)):
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
