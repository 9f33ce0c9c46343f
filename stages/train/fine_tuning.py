"""Trains the head alone, then together with the blocks above the last frozen layer."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from classifier import head
from classifier.backbone import openvino_convert, upper_blocks
from classifier.common import progress
from classifier.dataset.features import Array
from classifier.head import Branch, TrainedLayers
from classifier.inference import openvino_engine
from stages.train import training_loop
from stages.train.training_loop import Examples, History, TrainingConfig

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TrainingSet:
    """The images to train on; row n of both features is of the same view.

    Attributes:
        vectors: inputs of the head.
        maps: inputs of the upper blocks; None where features are vectors.
        base_folder: models/base, with the upper blocks.
        n_classes: number of outputs.
    """

    vectors: Examples
    maps: Examples | None
    base_folder: Path
    n_classes: int

    def subset(self, images: np.ndarray) -> "TrainingSet":
        """Returns some of the images, selected by index or by mask."""
        maps = self.maps.subset(images) if self.maps else None
        return replace(self, vectors=self.vectors.subset(images), maps=maps)


def train_two_phases(
    training: TrainingSet,
    head_model: "keras.Model",
    configs: tuple[TrainingConfig, TrainingConfig],
    validation: TrainingSet | None = None,
    on_epoch_end: Callable[[History], None] | None = None,
) -> tuple[TrainedLayers, tuple[History, History]]:
    """Trains the head alone, then, where features are maps, together with the upper blocks.

    Args:
        training: images to train on.
        head_model: from vectors to probabilities; trained in place.
        configs: of both phases.
        validation: images for early stopping.
        on_epoch_end: called with the history of both phases so far.

    Returns:
        The trained layers, and the history of each phase.
    """
    held_out = validation.vectors if validation else None
    first = training_loop.fit(
        head_model, training.vectors, configs[0], held_out, on_epoch_end=on_epoch_end
    )
    if not training.maps or not np.isfinite(first["loss"]).all():
        return TrainedLayers((branch(head_model),)), (first, {})
    upper = upper_blocks.read(training.base_folder)

    def joined_history(second: History) -> None:
        if on_epoch_end:
            on_epoch_end({name: first[name] + second[name] for name in second})

    second = training_loop.fit(
        join(upper, head_model),
        training.maps,
        configs[1],
        validation.maps if validation else None,
        baseline_loss=min(first["val_loss"]) if validation else np.inf,
        on_epoch_end=joined_history,
    )
    network = openvino_convert.convert(upper, "float16")
    return TrainedLayers((branch(head_model),), network), (first, second)


def branch(head_model: "keras.Model") -> Branch:
    """Returns the layers of a head that have weights, first to last."""
    layers = (layer for layer in head_model.layers if layer.get_weights())
    return Branch(1, tuple((*one.get_weights(), one.activation.__name__) for one in layers))


def join(upper: "keras.Model", head_model: "keras.Model") -> "keras.Model":
    """Returns one model of both, which shares their weights.

    Its batch normalization uses ImageNet's means and variances in training too: with those of
    small batches, training and inference would see different networks (keras#9214). A functional
    model would not do, since it overrides the `training` argument given to its layers.
    """
    from classifier.inference.keras_backend import keras

    class Joined(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.upper, self.head = upper, head_model
            self.built = True

        def call(self, maps: Any, training: bool = False) -> Any:
            return self.head(self.upper(maps, training=False), training=training)

    return Joined()


def bottleneck_features(maps: Array, base_folder: Path, file: IO[bytes]) -> np.ndarray:
    """Returns the vectors that the upper blocks compute, before fine-tuning, from maps.

    Args:
        maps: float16 (R, h, w, c).
        base_folder: models/base.
        file: an open file to hold the result.

    Returns:
        float32 (R, D), memory-mapped.
    """
    model = upper_blocks.read(base_folder)
    with tempfile.TemporaryDirectory() as folder, progress.bar("train", len(maps)) as bar:
        network = Path(folder) / "upper.xml"
        openvino_engine.write(openvino_convert.convert(model, "float16"), network)
        for vectors in head.vectors(openvino_engine.OpenvinoEngine(network), maps):
            data = memoryview(vectors.tobytes())
            while data:  # a full disk takes a part of them, and raises an error the next time
                data = data[file.write(data) :]
            bar.update(len(vectors))
    file.flush()
    return np.memmap(file, np.float32, "r", shape=(len(maps), model.output_shape[-1]))
