"""Split InceptionV3 at its last frozen layer and write the frozen part for its engine.

Reads   models/pretrained.h5
Writes  models/base
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from classifier.backbone import (
    calibration_images,
    inception,
    openvino_convert,
    pretrained,
    upper_blocks,
)
from classifier.common import files, params
from classifier.common.errors import run_main
from classifier.inference import base, engine, openvino_engine
from classifier.inference.base import BaseInfo

if TYPE_CHECKING:
    import keras

MIN_SIDE = 75  # pixels; InceptionV3 takes no smaller images
CALIBRATION_IMAGES = 200  # that int8 is calibrated on
TEST_IMAGES = 4  # other ones, on which the frozen network is compared with Keras
LAYERS = tuple(f"mixed{number}" for number in range(11))
ENGINE_NAMES = {"openvino": "OpenVINO", "tensorflow": "TensorFlow"}


@dataclass(frozen=True)
class Params:
    """Section `freeze` of params.yaml."""

    last_layer: str  # last frozen layer
    pooling: Literal["avg", "none"]  # avg: features are averages over its map; none: the map
    image_height: int  # pixels
    image_width: int  # pixels
    engine: Literal["auto", "openvino", "tensorflow"]  # that runs the network
    precision: Literal["float32", "int8"]  # of its arithmetic

    def __post_init__(self) -> None:
        params.require(
            self.last_layer in LAYERS,
            "freeze.last_layer",
            f"one of {', '.join(LAYERS)}",
            self.last_layer,
        )
        for name, pixels in (("height", self.image_height), ("width", self.image_width)):
            rule = f"{MIN_SIDE} or more"
            params.require(pixels >= MIN_SIDE, f"freeze.image_{name}", rule, pixels)
        possible = self.engine != "tensorflow" or self.precision == "float32"
        rule = "float32 with engine tensorflow, or engine auto or openvino"
        params.require(possible, "freeze.precision", rule, self.precision)


def base_info(settings: Params, model: "keras.Model", weights: str) -> BaseInfo:
    """Returns what the frozen network is; `weights` is the identity of its weights."""
    return BaseInfo(
        last_layer=settings.last_layer,
        pooling=settings.pooling,
        image_height=settings.image_height,
        image_width=settings.image_width,
        feature_shape=model.output_shape[1:],
        dtype="float32" if settings.pooling == "avg" else "float16",
        engine=resolve_engine(settings, engine.device("tensorflow")),
        precision=settings.precision,
        weights=weights,
    )


def resolve_engine(settings: Params, device: str) -> str:
    """Returns the engine; `auto` is TensorFlow for float32 on a GPU, otherwise OpenVINO."""
    if settings.engine != "auto":
        return settings.engine
    return "tensorflow" if device == "GPU" and settings.precision == "float32" else "openvino"


def write(model: "keras.Model", upper: "keras.Model | None", folder: Path, info: BaseInfo) -> None:
    """Writes the network, the blocks above it and what they are into an existing folder.

    Args:
        model: InceptionV3 up to the last frozen layer; takes float32 in [-1, 1].
        upper: the blocks above it, if its features are maps.
        folder: models/base.
        info: what the network is, with the engine to write it for.
    """
    base.write_info(folder, info)
    frozen = inception.with_rescaling(inception.fold_batch_norm(model))
    if info.engine == "openvino":
        write_openvino(frozen, folder / base.NETWORK, info.precision)
    else:
        from classifier.inference.keras_backend import write_model

        write_model(frozen, folder / base.ARCHITECTURE, folder / base.WEIGHTS)
    if upper:
        upper_blocks.write(folder, upper)


def write_openvino(model: "keras.Model", path: Path, precision: str) -> None:
    """Converts the model to OpenVINO, quantizes it if `precision` is int8, and writes it."""
    network = openvino_convert.convert(model)
    if precision == "int8":
        images = synthetic_images(range(CALIBRATION_IMAGES), model)
        network = openvino_convert.quantize(network, images)
    openvino_engine.write(network, path)


def synthetic_images(numbers: range, model: "keras.Model") -> list[np.ndarray]:
    """Returns calibration images of the size that the model takes."""
    size = model.input_shape[1:3]
    return [calibration_images.draw_image(number, *size) for number in numbers]


def min_cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the lowest cosine similarity of an image's features (N, ...) in two networks."""
    first, second = (features.reshape(len(features), -1) for features in (first, second))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / lengths).min())


def summary(info: BaseInfo, cosine: float, out: Path) -> str:
    """Returns the output line of the stage."""
    shape = "x".join(map(str, info.feature_shape))
    return (
        f"freeze: InceptionV3 up to {info.last_layer}, {info.image_height}x{info.image_width} "
        f"-> {shape} features, {ENGINE_NAMES[info.engine]} {info.precision} "
        f"(cosine similarity to Keras >= {math.floor(1000 * cosine) / 1000:.3f}) "
        f"-> {out.as_posix()}"
    )


def main(weights: Path = pretrained.PATH, out: Path = base.FOLDER) -> None:
    """Freezes InceptionV3 as set in params.yaml."""
    settings = params.load("freeze", Params)
    model, upper = inception.load(weights, settings)
    info = base_info(settings, model, pretrained.identity(weights))
    count = model.count_params() + (upper.count_params() if upper else 0)
    files.require_space(out, 5 * count)  # 4 bytes each, and HDF5's overhead
    tests = range(CALIBRATION_IMAGES, CALIBRATION_IMAGES + TEST_IMAGES)
    images = np.stack(synthetic_images(tests, model))
    with files.atomic_write(out) as part:
        part.mkdir()
        write(model, upper, part, info)
        features = engine.load(part).features(images)
    expected = np.asarray(model(images / np.float32(127.5) - 1, training=False))
    print(summary(info, min_cosine(features, expected), out))


if __name__ == "__main__":
    run_main(main)
