"""models/head/: the trained top layers, from features to class probabilities."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from stages import outputs

if TYPE_CHECKING:
    import keras

FOLDER = Path("models/head")
ARCHITECTURE = "architecture.json"
WEIGHTS = "head.weights.h5"
SCORED_WEIGHTS = "scored.weights.h5"
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
    """A head to compute with: `layers` are (kernel, bias, activation), float64, first to last."""

    about: About
    layers: tuple[tuple[np.ndarray, np.ndarray, str], ...]

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of each picture, float64 (N, C); rows sum to 1.

        In float64, so that the digits written do not depend on the order a library sums in.

        Args:
            features: float (N, D).
        """
        values = features.astype(np.float64)
        for kernel, bias, activation in self.layers:
            values = ACTIVATIONS[activation](values @ kernel + bias)
        return values


def relu(values: np.ndarray) -> np.ndarray:
    """Returns the values, negative ones replaced by 0."""
    return np.maximum(values, 0)


def softmax(values: np.ndarray) -> np.ndarray:
    """Returns the rows' exponentials, scaled to sum to 1."""
    powers = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


ACTIVATIONS = {"relu": relu, "softmax": softmax}


def write(folder: Path, used: "keras.Model", scored: "keras.Model", about: About) -> None:
    """Writes the head whole: Keras's architecture and weights, and what it belongs to.

    Args:
        folder: of the head.
        used: the head that names new pictures.
        scored: one that has never learned from the validation pictures.
        about: what both belong to.
    """
    outputs.require_space(folder, 10 * used.count_params() + 2**20)  # two of 4 bytes each
    with outputs.whole(folder) as part:
        part.mkdir()
        for model, name in ((used, WEIGHTS), (scored, SCORED_WEIGHTS)):
            bare = _without_optimizer(model)
            bare.save_weights(part / name)
        outputs.write_json(part / ARCHITECTURE, json.loads(bare.to_json()))
        outputs.write_json(part / ABOUT, asdict(about))


def _without_optimizer(model: "keras.Model") -> "keras.Model":
    bare = model.__class__.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    return bare


def read(folder: Path, weights: str = WEIGHTS) -> Head:
    """Returns the head with the `weights` file asked for, read without TensorFlow."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    about["class_names"] = tuple(about["class_names"])
    architecture = json.loads((folder / ARCHITECTURE).read_text(encoding="utf-8"))
    dense = [item for item in architecture["config"]["layers"] if item["class_name"] == "Dense"]
    with h5py.File(folder / weights, "r") as file:
        layers = [
            (*_weights(file, number), item["config"]["activation"])
            for number, item in enumerate(dense)
        ]
    return Head(About(**about), tuple(layers))


def _weights(file: h5py.File, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns kernel and bias of the nth Dense layer, found where Keras puts them."""
    variables = file["layers"]["dense" if number == 0 else f"dense_{number}"]["vars"]
    return np.asarray(variables["0"], np.float64), np.asarray(variables["1"], np.float64)
