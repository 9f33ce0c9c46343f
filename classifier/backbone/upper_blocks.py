"""models/base/upper.*: the rest of InceptionV3 behind the cut, for `train` to go on from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.common import files

if TYPE_CHECKING:
    import keras

ARCHITECTURE = "upper.json"
WEIGHTS = "upper.weights.h5"


def write(folder: Path, model: "keras.Model") -> None:
    """Writes architecture and weights, whose bytes depend on nothing but the model."""
    files.write_json(folder / ARCHITECTURE, json.loads(model.to_json()))
    model.save_weights(folder / WEIGHTS)


def read(folder: Path) -> "keras.Model":
    """Returns the model: float32 maps (N, h, w, c) in, vectors (N, D) out."""
    from classifier.inference.keras_backend import keras

    model = keras.models.model_from_json((folder / ARCHITECTURE).read_text(encoding="utf-8"))
    model.load_weights(folder / WEIGHTS)
    return model
