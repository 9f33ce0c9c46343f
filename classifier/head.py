"""models/head/: the trained top layers, from features to class probabilities."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.common import files, parallel
from classifier.dataset import features
from classifier.dataset.features import Array, Column, FeatureTable, rows_per_chunk
from classifier.inference import openvino_engine
from classifier.inference.openvino_engine import OpenvinoEngine

if TYPE_CHECKING:
    import keras

FOLDER = Path("models/head")
INFO = "head.json"
ARCHITECTURE = "architecture.json"  # Keras's
FINAL, EVALUATION = "head", "evaluation"  # which weights: of all images, or scored ones
UPPER_WEIGHTS = "upper.weights.h5"  # of fine-tuned blocks, for other programs
MAPS_PER_CALL = 16

Layer = tuple[np.ndarray, np.ndarray, str]  # kernel (in, out), bias (out,), activation


@dataclass(frozen=True)
class HeadInfo:
    """What the head belongs to.

    Attributes:
        class_names: in the order of the outputs.
        weights: of the base: `imagenet`, `random` or `sha256:<hash>`.
        fingerprint: of the features it was trained on.
        train_images: it learned from, those included that it was validated with.
        tta_views: views of an image over which its probabilities are averaged.
        augmentation_id: what augmented ones among them depend on; empty where there are none.
    """

    class_names: tuple[str, ...]
    weights: str
    fingerprint: str
    train_images: int
    tta_views: tuple[int, ...]
    augmentation_id: str

    @property
    def warning(self) -> str:
        """Returns what an output line has to add if the weights are untrained."""
        return "; RANDOM weights: a smoke test, not a model" if self.weights == "random" else ""


@dataclass(frozen=True)
class Head:
    """A head to compute with.

    Attributes:
        info: what it belongs to.
        layers: first to last, in float64.
        network: OpenVINO file of the blocks before them, where features are maps; else None.
        upper_weights: Keras file of the same blocks' weights; else None.
    """

    info: HeadInfo
    layers: tuple[Layer, ...]
    network: Path | None = None
    upper_weights: Path | None = None

    @cached_property
    def _engine(self) -> OpenvinoEngine | None:
        return OpenvinoEngine(self.network) if self.network else None

    def predict(self, table: FeatureTable, rows: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of images, averaged over views: float64 (N, C).

        Args:
            table: features.
            rows: int (N, V), the table's rows of each image's views.
        """
        found = np.empty((len(rows), len(self.info.class_names)))
        size = rows_per_chunk(table.features.shape[1:], table.features.dtype)
        size = max(1, size // rows.shape[1])
        for at in range(0, len(rows), size):
            some = rows[at : at + size]
            each = self.probabilities(table.features[some.ravel()])
            found[at : at + size] = each.reshape(*some.shape, -1).mean(axis=1)
        return found

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of each row, float64 (N, C); rows sum to 1.

        In float64, so that the digits written do not depend on the order a library sums in.

        Args:
            inputs: float (N, D) vectors, or float16 (N, h, w, c) maps.
        """
        if self._engine:
            inputs = np.concatenate(list(vectors(self._engine, inputs)))
        values = inputs.astype(np.float64)
        for kernel, bias, activation in self.layers:
            values = ACTIVATIONS[activation](values @ kernel + bias)
        return values


def vectors(engine: OpenvinoEngine, maps: Array) -> Iterator[np.ndarray]:
    """Yields the feature vectors of maps, in their order, some at a time.

    Args:
        engine: runs the blocks above the last frozen layer.
        maps: float16 (N, h, w, c), in memory or on disk.

    Yields:
        float32 (n, D).
    """
    starts = range(0, len(maps), MAPS_PER_CALL)
    groups = (np.ascontiguousarray(maps[at : at + MAPS_PER_CALL]) for at in starts)
    calls = engine.concurrency
    yield from parallel.prefetch_map(engine.features, groups, calls, 2 * calls)


def relu(values: np.ndarray) -> np.ndarray:
    """Returns the values, negative ones replaced by 0."""
    return np.maximum(values, 0)


def softmax(values: np.ndarray) -> np.ndarray:
    """Returns the rows' exponentials, scaled to sum to 1."""
    powers = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


ACTIVATIONS = {"relu": relu, "softmax": softmax}


@dataclass(frozen=True)
class TrainedLayers:
    """What `train` has made.

    Attributes:
        head: from vectors to probabilities.
        upper: from maps to vectors; None where the features are vectors.
        network: the same from float16 maps, as OpenVINO's.
    """

    head: "keras.Model"
    upper: "keras.Model | None" = None
    network: Any = None

    def dense(self) -> list[Layer]:
        """Returns the head's layers that have weights, first to last."""
        return [
            (*layer.get_weights(), layer.activation.__name__)
            for layer in self.head.layers
            if layer.get_weights()
        ]


def write(folder: Path, final: TrainedLayers, evaluation: TrainedLayers, info: HeadInfo) -> None:
    """Writes the head: Keras's files, the same numbers for NumPy, and what it belongs to.

    Args:
        folder: models/head.
        final: predicts new images.
        evaluation: never learned from the validation images.
        info: what both belong to.
    """
    upper = 12 * final.upper.count_params() if final.upper else 0  # float32, three times
    files.require_space(folder, 20 * final.head.count_params() + upper + 2**20)
    with files.atomic_write(folder) as part:
        part.mkdir()
        for one, name in ((final, FINAL), (evaluation, EVALUATION)):
            one.head.save_weights(part / f"{name}.weights.h5")
            write_layers(part / f"{name}.npz", one.dense())
            if one.network:
                openvino_engine.write(one.network, part / f"{name}.xml")
        if final.upper:
            final.upper.save_weights(part / UPPER_WEIGHTS)
        files.write_json(part / ARCHITECTURE, json.loads(final.head.to_json()))
        files.write_json(part / INFO, asdict(info))


def write_layers(path: Path, layers: list[Layer]) -> None:
    """Writes layers as the arrays `kernel_0`, `bias_0`, `kernel_1`, ... and `activations`."""
    arrays = {"activations": np.array([activation for _, _, activation in layers])}
    for number, (kernel, bias, _) in enumerate(layers):
        arrays |= {f"kernel_{number}": kernel, f"bias_{number}": bias}
    features.write(path, {name: Column.from_array(array) for name, array in arrays.items()})


def read_info(folder: Path) -> HeadInfo:
    """Returns what the head in the folder belongs to."""
    values = json.loads((folder / INFO).read_text(encoding="utf-8"))
    tuples = {name: tuple(values[name]) for name in ("class_names", "tta_views")}
    return HeadInfo(**(values | tuples))


def read(folder: Path, weights: str = FINAL) -> Head:
    """Returns the head with the weights asked for, FINAL or EVALUATION; needs no TensorFlow."""
    with np.load(folder / f"{weights}.npz", allow_pickle=False) as arrays:
        layers = tuple(
            (
                arrays[f"kernel_{number}"].astype(np.float64),
                arrays[f"bias_{number}"].astype(np.float64),
                str(activation),
            )
            for number, activation in enumerate(arrays["activations"])
        )
    network, upper = folder / f"{weights}.xml", folder / UPPER_WEIGHTS
    return Head(
        read_info(folder),
        layers,
        network if network.exists() else None,
        upper if upper.exists() else None,
    )
