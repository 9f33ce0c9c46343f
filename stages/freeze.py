"""Cut InceptionV3 at its last frozen layer and make of it what turns pixels into features.

Reads   models/pretrained.h5
Writes  models/base
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from classifier.backbone import calibration_images, openvino_convert, pretrained, upper_blocks
from classifier.backbone.inception import fold_batch_norm, inception, with_scaling
from classifier.common import files, params
from classifier.common.errors import run_main
from classifier.inference import base, engine, openvino_engine
from classifier.inference.base import BaseInfo

if TYPE_CHECKING:
    import keras

SMALLEST = 75  # pixels a side: the least that InceptionV3 takes
CALIBRATION = 200  # drawn images that int8 is calibrated on
TRIED = 4  # others, that the frozen network is compared with Keras's on
LAYERS = tuple(f"mixed{number}" for number in range(11))


@dataclass(frozen=True)
class Params:
    """Section `freeze` of params.yaml."""

    last_layer: str  # last frozen layer
    pooling: Literal["avg", "none"]  # avg: features are averages over its map; none: the map
    image_height: int  # pixels
    image_width: int  # pixels
    engine: Literal["auto", "openvino", "tensorflow"]  # what runs the network
    precision: Literal["float32", "int8"]  # of its arithmetic

    def __post_init__(self) -> None:
        params.require(
            self.last_layer in LAYERS,
            "freeze.last_layer",
            f"one of {', '.join(LAYERS)}",
            self.last_layer,
        )
        for name, pixels in (("height", self.image_height), ("width", self.image_width)):
            rule = f"{SMALLEST} or more"
            params.require(pixels >= SMALLEST, f"freeze.image_{name}", rule, pixels)
        exact = self.engine != "tensorflow" or self.precision == "float32"
        rule = "float32 with engine tensorflow, or engine auto or openvino"
        params.require(exact, "freeze.precision", rule, self.precision)


def min_cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the least cosine between the features of an image, (N, ...), by two networks."""
    one, other = (features.reshape(len(features), -1) for features in (one, other))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def write_keras(model: "keras.Model", folder: Path) -> None:
    """Writes architecture and weights, whose bytes depend on nothing but the model."""
    files.write_json(folder / base.ARCHITECTURE, json.loads(model.to_json()))
    model.save_weights(folder / base.WEIGHTS)


def write_openvino(model: "keras.Model", folder: Path, precision: str) -> None:
    """Writes the model in OpenVINO's form, in the precision asked for."""
    network = openvino_convert.convert(model)
    if precision == "int8":
        size = model.input_shape[1:3]
        network = openvino_convert.quantize(
            network, [calibration_images.draw_image(n, *size) for n in range(CALIBRATION)]
        )
    openvino_engine.write(network, folder / base.NETWORK)


def write(model: "keras.Model", folder: Path, about: BaseInfo) -> None:
    """Writes the network, and what it is, into an empty folder.

    Args:
        model: takes float32 in [-1, 1]; with batch norms folded.
        folder: models/base.
        about: what it is, with the engine to write it for.
    """
    base.write_info(folder, about)
    if about.engine == "openvino":
        write_openvino(with_scaling(model), folder, about.precision)
    else:
        write_keras(with_scaling(model), folder)


def main(weights: Path = pretrained.PATH, out: Path = base.FOLDER) -> None:
    """Freezes InceptionV3 as params.yaml says."""
    settings = params.load("freeze", Params)
    model, rest = inception(weights, settings)
    about = describe(settings, model, pretrained.identity(weights))
    drawn = (
        calibration_images.draw_image(CALIBRATION + n, *model.input_shape[1:3])
        for n in range(TRIED)
    )
    images = np.stack(list(drawn))
    count = model.count_params() + (rest.count_params() if rest else 0)
    files.require_space(out, 5 * count)  # 4 bytes each, and HDF5's own
    with files.atomic_write(out) as part:
        part.mkdir()
        write(fold_batch_norm(model), part, about)
        if rest:
            upper_blocks.write(part, rest)
        features = engine.load(part).features(images)
    expected = np.asarray(model(images / np.float32(127.5) - 1, training=False))
    print(line(about, min_cosine(features, expected), out))


def describe(settings: Params, model: "keras.Model", weights: str) -> BaseInfo:
    """Returns what the frozen network is; `weights` are their identity."""
    return BaseInfo(
        last_layer=settings.last_layer,
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


def line(about: BaseInfo, cosine: float, out: Path) -> str:
    """Returns what the stage says when it has done."""
    size = f"{about.image_height}x{about.image_width}"
    shape = "x".join(map(str, about.feature_shape))
    return (
        f"freeze: {size} pixels to {shape} features by {about.last_layer} "
        f"-> {out.as_posix()}, {about.engine} {about.precision}: "
        f"cosine to Keras's own {cosine:.6f} or more"
    )


if __name__ == "__main__":
    run_main(main)
