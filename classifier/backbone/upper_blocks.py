"""models/base/upper.*: the blocks of InceptionV3 above the last frozen layer, for fine-tuning."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

ARCHITECTURE = "upper.json"
WEIGHTS = "upper.weights.h5"


def write(folder: Path, model: "keras.Model") -> None:
    """Writes the model's architecture and weights into the folder."""
    from classifier.inference import keras_backend

    keras_backend.write_model(model, folder / ARCHITECTURE, folder / WEIGHTS)


def read(folder: Path) -> "keras.Model":
    """Returns the model: float32 maps (N, h, w, c) in, vectors (N, D) out."""
    from classifier.inference import keras_backend

    return keras_backend.read_model(folder / ARCHITECTURE, folder / WEIGHTS)
