"""What the top layers learn from, and how: the head alone, then with the blocks behind the cut."""

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
from classifier.head import TrainedLayers
from classifier.inference import openvino_engine
from stages.train import training_loop
from stages.train.training_loop import Examples, History, TrainingConfig

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TrainingSet:
    """What there is to learn from; row n of both features is of one view.

    Attributes:
        vectors: what the head takes.
        maps: what the blocks between cut and head take; None where features are vectors.
        top: where `freeze` wrote these blocks.
        classes: number of outputs.
    """

    vectors: Examples
    maps: Examples | None
    top: Path
    classes: int

    def only(self, images: np.ndarray) -> "TrainingSet":
        """Returns some of the images."""
        maps = self.maps.only(images) if self.maps else None
        return replace(self, vectors=self.vectors.only(images), maps=maps)


def train_two_phases(
    lesson: TrainingSet,
    head_: "keras.Model",
    plans: tuple[TrainingConfig, TrainingConfig],
    validation: TrainingSet | None = None,
    tell: Callable[[History], None] | None = None,
) -> tuple[TrainedLayers, tuple[History, History]]:
    """Trains the head alone, then, where features are maps, with the blocks before it.

    Args:
        lesson: images to learn from.
        head_: from vectors to probabilities; is trained in place.
        plans: of both phases.
        validation: images to stop by.
        tell: is called with the curves so far, of both phases, after each epoch.

    Returns:
        What was trained, and the curves of both phases.
    """
    held_out = validation.vectors if validation else None
    first = training_loop.fit(head_, lesson.vectors, plans[0], held_out, tell=tell)
    if not lesson.maps or not np.isfinite(first["loss"]).all():
        return TrainedLayers(head_), (first, {})
    top_ = upper_blocks.read(lesson.top)
    lowest = min(first["val_loss"]) if validation else np.inf
    maps = validation.maps if validation else None

    def tell_both(second: History) -> None:
        if tell:
            tell({name: first[name] + second[name] for name in second})

    model = joined(top_, head_)
    second = training_loop.fit(model, lesson.maps, plans[1], maps, lowest, tell_both)
    return TrainedLayers(head_, top_, openvino_convert.convert(top_, "float16")), (first, second)


def joined(top_: "keras.Model", head_: "keras.Model") -> "keras.Model":
    """Returns both as one model that shares their weights.

    The batch norms in the top keep to ImageNet's means and variances also while it learns: with
    those of small batches, training and use would see different networks (keras#9214). A
    functional model would not do: its own `training` overrides the one that a layer was given.
    """
    from classifier.inference.keras_backend import keras

    class Joined(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.top, self.head = top_, head_
            self.built = True

        def call(self, maps: Any, training: bool = False) -> Any:
            return self.head(self.top(maps, training=False), training=training)

    return Joined()


def bottleneck_features(maps: Array, folder: Path, file: IO[bytes]) -> np.ndarray:
    """Returns what the untrained top makes of maps, float32 (R, D), memory-mapped.

    Args:
        maps: float16 (R, h, w, c).
        folder: models/base.
        file: holds the result.
    """
    model = upper_blocks.read(folder)
    with tempfile.TemporaryDirectory() as place, progress.bar("train", len(maps)) as bar:
        openvino_engine.write(openvino_convert.convert(model, "float16"), Path(place) / "top.xml")
        engine = openvino_engine.OpenvinoEngine(Path(place) / "top.xml")
        for some in head.vectors(engine, maps):
            file.write(some.tobytes())
            bar.update(len(some))
    file.flush()
    return np.memmap(file, np.float32, "r", shape=(len(maps), model.output_shape[-1]))
