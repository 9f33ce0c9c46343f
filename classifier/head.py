"""models/head/: the trained layers, from features to class probabilities."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from classifier import novelty
from classifier.common import files, parallel
from classifier.common.errors import StageError
from classifier.dataset import npz
from classifier.dataset.features import Array, FeatureTable, rows_per_chunk
from classifier.dataset.npz import Column
from classifier.inference import openvino_engine
from classifier.inference.openvino_engine import OpenvinoEngine
from classifier.novelty import Novelty

FOLDER = Path("models/head")
INFO = "head.json"
LAYERS = "head.npz"
NETWORK = "head.xml"  # of OpenVINO: the blocks below the head, where features are maps
MAPS_PER_CALL = 16
RANDOM = "random"  # weights that are untrained

Layer = tuple[np.ndarray, np.ndarray, str]  # kernel (in, out), bias (out,), activation


@dataclass(frozen=True)
class Branch:
    """Dense layers on powers of the features; the probabilities of a head are its branches' mean.

    Attributes:
        power: 1, or 0.5 for the square roots of the features, negative ones replaced by 0.
        layers: first to last.
    """

    power: float
    layers: tuple[Layer, ...]

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Returns class probabilities (N, C) for vectors (N, D), both float64."""
        values = vectors if self.power == 1 else relu(vectors) ** self.power
        for kernel, bias, activation in self.layers:
            values = ACTIVATIONS[activation](values @ kernel + bias)
        return values


@dataclass(frozen=True)
class HeadInfo:
    """What the head was trained on.

    Attributes:
        class_names: in the order of the outputs.
        weights: of the base: `imagenet`, `random` or `sha256:<hash>`.
        fingerprint: of the features.
        train_images: number of images, those used for validation included.
        tta_views: views over which predictions are averaged.
        augmentation_id: what augmented views depend on besides their image; empty without any.
        grey_ranges: black and white of 16- and 32-bit images; empty without any.
        head: `discriminant`, `logistic`, `mean` of both, or `dense`.
        layers: of InceptionV3, those whose features are used.
        strength: of each model: shrinkage of a discriminant, C of a logistic regression.
    """

    class_names: tuple[str, ...]
    weights: str
    fingerprint: str
    train_images: int
    tta_views: tuple[int, ...]
    augmentation_id: str
    grey_ranges: str = ""
    head: str = "dense"
    layers: tuple[str, ...] = ()
    strength: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "HeadInfo":
        """Returns what `dataclasses.asdict` made the values of, and JSON lists of the tuples.

        Raises:
            KeyError, TypeError: the values are of another version.
        """
        names = ("class_names", "tta_views", "layers", "strength")
        return cls(**{**values, **{name: tuple(values[name]) for name in names}})

    @property
    def warning(self) -> str:
        """Returns what an output line must add if the weights are untrained."""
        return "; RANDOM weights: a smoke test, not a model" if self.weights == RANDOM else ""


@dataclass(frozen=True)
class Head:
    """A trained head, computed by NumPy; fine-tuned blocks by OpenVINO.

    Attributes:
        info: what it was trained on.
        branches: weights in float64.
        network: OpenVINO file of the blocks below them, where features are maps; else None.
        novelty: how unlike its training images an image is; None if that is not known.
    """

    info: HeadInfo
    branches: tuple[Branch, ...]
    network: Path | None = None
    novelty: Novelty | None = None

    def novelty_threshold(self, keep: float) -> float:
        """Returns the novelty that a fraction `keep` of images of known classes does not exceed.

        It is infinite with random weights, whose features say nothing about an image.
        """
        if not self.novelty or self.info.weights == RANDOM:
            return np.inf
        return self.novelty.threshold(keep)

    @cached_property
    def _engine(self) -> OpenvinoEngine | None:
        return OpenvinoEngine(self.network) if self.network else None

    def predict(self, table: FeatureTable, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns class probabilities (N, C) and novelty (N,) of images, averaged over views.

        Args:
            table: features.
            rows: int (N, V), the table's rows of each image's views.
        """
        averages = np.empty((len(rows), len(self.info.class_names) + 1))
        size = rows_per_chunk(table.features.shape[1:], table.features.dtype)
        size = max(1, size // rows.shape[1])
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            each = np.column_stack(self.outputs(table.features[chunk.ravel()]))
            averages[start : start + size] = each.reshape(*chunk.shape, -1).mean(axis=1)
        return averages[:, :-1], averages[:, -1]

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of each row, float64 (N, C); rows sum to 1."""
        return self.outputs(inputs)[0]

    def outputs(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns class probabilities (N, C) and novelty (N,) of each row; NaN if not known.

        In float64, so that the digits written do not depend on the order of summation.

        Args:
            inputs: float (N, D) vectors, or float16 (N, h, w, c) maps.
        """
        values = self.vectors(inputs)
        probabilities = self.from_vectors(values)
        if self.novelty is None:
            return probabilities, np.full(len(values), np.nan)
        return probabilities, self.novelty.score(values)

    def from_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """Returns class probabilities (N, C) for vectors (N, D), both float64."""
        return np.mean([one.probabilities(vectors) for one in self.branches], axis=0)

    def vectors(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the vectors that the branches take, float64 (N, D).

        Args:
            inputs: float (N, D) vectors, or float16 (N, h, w, c) maps.
        """
        if self._engine:
            inputs = np.concatenate(list(vectors(self._engine, inputs)))
        return inputs.astype(np.float64)


def vectors(engine: OpenvinoEngine, maps: Array) -> Iterator[np.ndarray]:
    """Yields the feature vectors of maps in order, float32 (n, D), a chunk at a time.

    Args:
        engine: runs the blocks above the last frozen layer.
        maps: float16 (N, h, w, c), in memory or on disk.
    """
    starts = range(0, len(maps), MAPS_PER_CALL)
    chunks = (np.ascontiguousarray(maps[start : start + MAPS_PER_CALL]) for start in starts)
    calls = engine.concurrency
    yield from parallel.prefetch_map(engine.features, chunks, calls, 2 * calls)


def relu(values: np.ndarray) -> np.ndarray:
    """Returns the values, negative ones replaced by 0."""
    return np.maximum(values, 0)


def softmax(values: np.ndarray) -> np.ndarray:
    """Returns the exponentials of each row, scaled to sum to 1."""
    exponentials = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


ACTIVATIONS = {"relu": relu, "softmax": softmax}


@dataclass(frozen=True)
class TrainedLayers:
    """The layers that `train` has trained.

    Attributes:
        branches: from vectors to probabilities.
        network: OpenVINO model of the blocks below them, from float16 maps to vectors; None where
            features are vectors.
        novelty: how unlike its training images an image is; None if that is not known.
    """

    branches: tuple[Branch, ...]
    network: Any = None
    novelty: Novelty | None = None


def write(folder: Path, trained: TrainedLayers, info: HeadInfo) -> None:
    """Writes the head and what it was trained on.

    Args:
        folder: models/head.
        trained: its layers, and those below them where features are maps.
        info: what it was trained on.
    """
    with files.atomic_folder(folder, INFO) as part:
        _write_branches(part / LAYERS, trained.branches)
        if trained.network:
            openvino_engine.write(trained.network, part / NETWORK)
        if trained.novelty:
            novelty.write(part, trained.novelty)
        files.write_json(part / INFO, asdict(info))


def _write_branches(path: Path, branches: Sequence[Branch]) -> None:
    """Writes `powers` and, of branch b, `activations_b`, `kernel_b_0`, `bias_b_0`, ..."""
    arrays = {"powers": np.array([branch.power for branch in branches])}
    for b, branch in enumerate(branches):
        arrays[f"activations_{b}"] = np.array([activation for _, _, activation in branch.layers])
        for k, (kernel, bias, _) in enumerate(branch.layers):
            arrays |= {
                f"kernel_{b}_{k}": kernel.astype(np.float32),
                f"bias_{b}_{k}": bias.astype(np.float32),
            }
    npz.write(path, {name: Column.from_array(array) for name, array in arrays.items()})


def _read_branches(path: Path) -> Iterator[Branch]:
    with np.load(path, allow_pickle=False) as arrays:
        for b, power in enumerate(arrays["powers"].tolist()):
            names = enumerate(arrays[f"activations_{b}"].tolist())
            weights = (
                (arrays[f"kernel_{b}_{k}"], arrays[f"bias_{b}_{k}"], name) for k, name in names
            )
            yield Branch(
                power,
                tuple(
                    (kernel.astype(np.float64), bias.astype(np.float64), name)
                    for kernel, bias, name in weights
                ),
            )


def read_info(folder: Path) -> HeadInfo:
    """Returns what the head in a folder was trained on.

    Raises:
        StageError: the folder is that of another version of this project.
    """
    path = folder / INFO
    try:
        return HeadInfo.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError):
        raise StageError(
            f"{path.as_posix()}: written by another version of this project; run `dvc repro`"
        ) from None


def read(folder: Path) -> Head:
    """Returns the head in a folder; needs no TensorFlow."""
    network = folder / NETWORK
    return Head(
        read_info(folder),
        tuple(_read_branches(folder / LAYERS)),
        network if network.exists() else None,
        novelty.read(folder),
    )
