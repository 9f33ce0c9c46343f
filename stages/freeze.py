"""Cut InceptionV3 at its last frozen layer and make of it what turns pixels into features.

Reads   models/pretrained.h5
Writes  models/base
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from stages import base, engine, ir, leaves, openvino_engine, outputs, params, pretrained, top
from stages.base import Base
from stages.errors import run
from stages.network import fold_batch_norm, inception, with_scaling

if TYPE_CHECKING:
    import keras

SMALLEST = 75  # pixels a side: the least that InceptionV3 takes
CALIBRATION = 200  # drawn pictures that int8 is calibrated on
TRIED = 4  # others, that the frozen network is compared with Keras's on
CUTS = tuple(f"mixed{number}" for number in range(11))


@dataclass(frozen=True)
class Params:
    """Section `freeze` of params.yaml."""

    cut: str  # last frozen layer
    pooling: Literal["avg", "none"]  # avg: features are averages over its map; none: the map
    image_height: int  # pixels
    image_width: int  # pixels
    engine: Literal["auto", "openvino", "tensorflow"]  # what runs the network
    precision: Literal["float32", "int8"]  # of its arithmetic

    def __post_init__(self) -> None:
        params.require(self.cut in CUTS, "freeze.cut", f"one of {', '.join(CUTS)}", self.cut)
        for name, pixels in (("height", self.image_height), ("width", self.image_width)):
            rule = f"{SMALLEST} or more"
            params.require(pixels >= SMALLEST, f"freeze.image_{name}", rule, pixels)
        exact = self.engine != "tensorflow" or self.precision == "float32"
        rule = "float32 with engine tensorflow, or engine auto or openvino"
        params.require(exact, "freeze.precision", rule, self.precision)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the least cosine between the features of a picture, (N, ...), by two networks."""
    one, other = (features.reshape(len(features), -1) for features in (one, other))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def write_keras(model: "keras.Model", folder: Path) -> None:
    """Writes architecture and weights, whose bytes depend on nothing but the model."""
    outputs.write_json(folder / base.ARCHITECTURE, json.loads(model.to_json()))
    model.save_weights(folder / base.WEIGHTS)


def write_openvino(model: "keras.Model", folder: Path, precision: str) -> None:
    """Writes the model in OpenVINO's form, in the precision asked for."""
    network = ir.convert(model)
    if precision == "int8":
        size = model.input_shape[1:3]
        network = ir.quantize(network, [leaves.draw(n, *size) for n in range(CALIBRATION)])
    openvino_engine.write(network, folder / base.NETWORK)


def write(model: "keras.Model", folder: Path, about: Base) -> None:
    """Writes the network, and what it is, into an empty folder.

    Args:
        model: takes float32 in [-1, 1]; with batch norms folded.
        folder: models/base.
        about: what it is, with the engine to write it for.
    """
    base.write_about(folder, about)
    if about.engine == "openvino":
        write_openvino(with_scaling(model), folder, about.precision)
    else:
        write_keras(with_scaling(model), folder)


def main(weights: Path = pretrained.PATH, out: Path = base.FOLDER) -> None:
    """Freezes InceptionV3 as params.yaml says."""
    settings = params.load("freeze", Params)
    model, rest = inception(weights, settings)
    about = describe(settings, model, pretrained.identity(weights))
    drawn = (leaves.draw(CALIBRATION + n, *model.input_shape[1:3]) for n in range(TRIED))
    pictures = np.stack(list(drawn))
    count = model.count_params() + (rest.count_params() if rest else 0)
    outputs.require_space(out, 5 * count)  # 4 bytes each, and HDF5's own
    with outputs.whole(out) as part:
        part.mkdir()
        write(fold_batch_norm(model), part, about)
        if rest:
            top.write(part, rest)
        features = engine.load(part).features(pictures)
    expected = np.asarray(model(pictures / np.float32(127.5) - 1, training=False))
    print(line(about, likeness(features, expected), out))


def describe(settings: Params, model: "keras.Model", weights: str) -> Base:
    """Returns what the frozen network is; `weights` are their identity."""
    return Base(
        cut=settings.cut,
        pooling=settings.pooling,
        image_height=settings.image_height,
        image_width=settings.image_width,
        feature_shape=model.output_shape[1:],
        dtype="float32" if settings.pooling == "avg" else "float16",
        engine=resolved(settings, engine.device("tensorflow")),
        precision=settings.precision,
        weights=weights,
    )


def resolved(settings: Params, device: str) -> str:
    """Returns the engine that `auto` stands for: TensorFlow if a GPU is there for its float32."""
    if settings.engine != "auto":
        return settings.engine
    return "tensorflow" if device == "GPU" and settings.precision == "float32" else "openvino"


def line(about: Base, cosine: float, out: Path) -> str:
    """Returns what the stage says when it has done."""
    size = f"{about.image_height}x{about.image_width}"
    shape = "x".join(map(str, about.feature_shape))
    return (
        f"freeze: {size} pixels to {shape} features by {about.cut} "
        f"-> {out.as_posix()}, {about.engine} {about.precision}: "
        f"cosine to Keras's own {cosine:.6f} or more"
    )


if __name__ == "__main__":
    run(main)
