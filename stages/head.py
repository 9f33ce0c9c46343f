"""models/head/: the trained top layers, from features to class probabilities."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from stages import openvino_engine, outputs, progress
from stages.features import Array, Table, rows_at_once
from stages.openvino_engine import OpenvinoEngine

if TYPE_CHECKING:
    import keras

FOLDER = Path("models/head")
ARCHITECTURE = "architecture.json"
WEIGHTS = "head.weights.h5"
SCORED_WEIGHTS = "scored.weights.h5"
TOP_WEIGHTS = "top.weights.h5"  # of that, where it learned, for other programs
NETWORKS = {WEIGHTS: "head.xml", SCORED_WEIGHTS: "scored.xml"}  # what makes vectors of maps
MAPS = 16  # in a call of the network
ABOUT = "head.json"


@dataclass(frozen=True)
class About:
    """What the head belongs to.

    Attributes:
        class_names: in the order of the outputs.
        weights: of the base: `imagenet`, `random` or `sha256:<hash>`.
        fingerprint: of the features it was trained on.
    """

    class_names: tuple[str, ...]
    weights: str
    fingerprint: str

    @property
    def warning(self) -> str:
        """Returns what a line of output has to add where the weights know nothing."""
        return "; RANDOM weights, for trying things out only" if self.weights == "random" else ""


@dataclass(frozen=True)
class Head:
    """A head to compute with.

    Attributes:
        about: what it belongs to.
        layers: (kernel, bias, activation), float64, first to last.
        network: file of the network before them, where features are maps; else None.
        top_weights: file of the same network's weights for Keras; else None.
    """

    about: About
    layers: tuple[tuple[np.ndarray, np.ndarray, str], ...]
    network: Path | None = None
    top_weights: Path | None = None

    @cached_property
    def _engine(self) -> OpenvinoEngine | None:
        return OpenvinoEngine(self.network) if self.network else None

    def judge(self, table: Table, pictures: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of pictures, averaged over their views: float64 (P, C).

        Args:
            table: features.
            pictures: int (P, A), the rows of each picture's views.
        """
        found = np.empty((len(pictures), len(self.about.class_names)))
        size = rows_at_once(table.features.shape[1:], table.features.dtype)
        size = max(1, size // pictures.shape[1])
        for at in range(0, len(pictures), size):
            rows = pictures[at : at + size]
            each = self.probabilities(table.features[rows.ravel()])
            found[at : at + size] = each.reshape(*rows.shape, -1).mean(axis=1)
        return found

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of each row, float64 (N, C); rows sum to 1.

        In float64, so that the digits written do not depend on the order a library sums in.

        Args:
            features: float (N, D) vectors, or float16 (N, h, w, c) maps.
        """
        if self._engine:
            features = np.concatenate(list(vectors(self._engine, features)))
        values = features.astype(np.float64)
        for kernel, bias, activation in self.layers:
            values = ACTIVATIONS[activation](values @ kernel + bias)
        return values


def vectors(engine: OpenvinoEngine, maps: Array) -> Iterator[np.ndarray]:
    """Yields the vectors of maps, in their order, some at a time.

    Args:
        engine: runs the network behind the cut.
        maps: float16 (N, h, w, c), in memory or on disk.

    Yields:
        float32 (n, D).
    """
    starts = range(0, len(maps), MAPS)
    groups = (np.ascontiguousarray(maps[at : at + MAPS]) for at in starts)
    yield from progress.ahead(engine.features, groups, engine.requests, 2 * engine.requests)


def relu(values: np.ndarray) -> np.ndarray:
    """Returns the values, negative ones replaced by 0."""
    return np.maximum(values, 0)


def softmax(values: np.ndarray) -> np.ndarray:
    """Returns the rows' exponentials, scaled to sum to 1."""
    powers = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


ACTIVATIONS = {"relu": relu, "softmax": softmax}


@dataclass(frozen=True)
class Trained:
    """What `train` has made.

    Attributes:
        head: from vectors to probabilities.
        top: from maps to vectors; None where the features are vectors.
        network: the same from float16 maps, as a network of OpenVINO's.
    """

    head: "keras.Model"
    top: "keras.Model | None" = None
    network: Any = None


def write(folder: Path, used: Trained, scored: Trained, about: About) -> None:
    """Writes the head whole: Keras's architecture and weights, and what it belongs to.

    Args:
        folder: of the head.
        used: what names new pictures.
        scored: what has never learned from the validation pictures.
        about: what both belong to.
    """
    tops = 12 * used.top.count_params() if used.top else 0  # float32, three times
    outputs.require_space(folder, 10 * used.head.count_params() + tops + 2**20)
    with outputs.whole(folder) as part:
        part.mkdir()
        for one, name in ((used, WEIGHTS), (scored, SCORED_WEIGHTS)):
            one.head.save_weights(part / name)
            if one.network:
                openvino_engine.write(one.network, part / NETWORKS[name])
        if used.top:
            used.top.save_weights(part / TOP_WEIGHTS)
        outputs.write_json(part / ARCHITECTURE, json.loads(used.head.to_json()))
        outputs.write_json(part / ABOUT, asdict(about))


def read_about(folder: Path) -> About:
    """Returns what the head in the folder belongs to."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return About(**(about | {"class_names": tuple(about["class_names"])}))


def read(folder: Path, weights: str = WEIGHTS) -> Head:
    """Returns the head with the `weights` file asked for, read without TensorFlow."""
    architecture = json.loads((folder / ARCHITECTURE).read_text(encoding="utf-8"))
    dense = [item for item in architecture["config"]["layers"] if item["class_name"] == "Dense"]
    with h5py.File(folder / weights, "r") as file:
        layers = [
            (*_weights(file, number), item["config"]["activation"])
            for number, item in enumerate(dense)
        ]
    network, top = folder / NETWORKS[weights], folder / TOP_WEIGHTS
    return Head(
        read_about(folder),
        tuple(layers),
        network if network.exists() else None,
        top if top.exists() else None,
    )


def _weights(file: h5py.File, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns kernel and bias of the nth Dense layer, found where Keras puts them."""
    variables = file["layers"]["dense" if number == 0 else f"dense_{number}"]["vars"]
    return np.asarray(variables["0"], np.float64), np.asarray(variables["1"], np.float64)
