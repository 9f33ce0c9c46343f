"""Split InceptionV3 at its last frozen layer and write the frozen part for its engine.

Reads   models/pretrained.h5
Writes  models/base
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from classifier.backbone import inception, openvino_convert, pretrained, upper_blocks
from classifier.backbone.calibration_images import draw_image
from classifier.common import files, params
from classifier.common.errors import StageError, collected, run_main
from classifier.common.params import Range
from classifier.inference import base, engine, openvino_engine
from classifier.inference.base import BaseInfo, LayerName, NetworkSpec, in_network_order

if TYPE_CHECKING:
    import keras

Side = Annotated[int, Range(75)]  # pixels; InceptionV3 takes no smaller images
CALIBRATION_IMAGES = 200  # that int8 is calibrated on
TEST_IMAGES = 4  # other ones, on which the frozen network is compared with Keras
LEAST_COSINE = 0.5  # to Keras: int8 reaches 0.99, and 0.95 with random weights
ENGINE_NAMES = {"openvino": "OpenVINO", "tensorflow": "TensorFlow"}


@dataclass(frozen=True)
class Params(NetworkSpec):
    """Section `freeze` of params.yaml."""

    layers: list[LayerName]  # in any order
    image_height: Side
    image_width: Side
    engine: Literal["auto", "openvino", "tensorflow"]  # that runs the network
    precision: Literal["float32", "int8"]  # of its arithmetic

    def __post_init__(self) -> None:
        errors = list[str]()
        with collected(errors):
            possible = self.pooling == "avg" or len(set(self.layers)) == 1
            rule = "one layer where pooling is none"
            params.require(possible, "freeze.layers", rule, self.layers)
        with collected(errors):
            possible = self.engine != "tensorflow" or self.precision == "float32"
            rule = "float32 with engine tensorflow, or engine auto or openvino"
            params.require(possible, "freeze.precision", rule, self.precision)
        if errors:
            raise StageError(*errors)


def base_info(settings: Params, model: "keras.Model", weights: str) -> BaseInfo:
    """Returns what the frozen network is; `weights` is the identity of its weights."""
    layers = in_network_order(settings.layers)
    values: dict[str, Any] = vars(settings) | {
        "layers": layers,
        "layer_sizes": tuple(model.get_layer(name).output.shape[-1] for name in layers),
        "feature_shape": model.output_shape[1:],
        "dtype": "float32" if settings.pooling == "avg" else "float16",
        "engine": resolve_engine(settings, engine.device("tensorflow")),
        "weights": weights,
    }
    return BaseInfo(**values)


def resolve_engine(settings: Params, device: str) -> str:
    """Returns the engine; `auto` is TensorFlow for float32 on a GPU, otherwise OpenVINO."""
    if settings.engine != "auto":
        return settings.engine
    return "tensorflow" if device == "GPU" and settings.precision == "float32" else "openvino"


def write(model: "keras.Model", upper: "keras.Model | None", folder: Path, info: BaseInfo) -> None:
    """Writes the network for its engine, and the blocks above it, into an existing folder.

    `model` takes float32 in [-1, 1]; `upper` are the blocks above it, if its features are maps.
    """
    base.write_info(folder, info)
    frozen = inception.with_rescaling(inception.fold_batch_norm(model))
    if info.engine == "openvino":
        network = openvino_convert.convert(frozen)
        if info.precision == "int8":
            images = synthetic_images(range(CALIBRATION_IMAGES), model)
            network = openvino_convert.quantize(network, images)
        openvino_engine.write(network, folder / base.NETWORK)
    else:
        from classifier.inference.keras_backend import write_model

        write_model(frozen, folder / base.ARCHITECTURE, folder / base.WEIGHTS)
    if upper:
        upper_blocks.write(folder, upper)


def synthetic_images(numbers: range, model: "keras.Model") -> list[np.ndarray]:
    """Returns calibration images of the size that the model takes."""
    return [draw_image(number, *model.input_shape[1:3]) for number in numbers]


def min_cosine(first: np.ndarray, second: np.ndarray, sizes: Sequence[int]) -> float:
    """Returns the lowest cosine similarity of an image's features in two networks, over layers.

    Args:
        first: (N, ..., D), features of layers side by side in one network.
        second: (N, ..., D), the same in another.
        sizes: number of features of each layer; their sum is D.
    """
    ends = np.cumsum(sizes)[:-1]
    pairs = zip(np.split(first, ends, axis=-1), np.split(second, ends, axis=-1), strict=True)
    return min(float(cosines(one, other).min()) for one, other in pairs)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the cosine similarity of each row of two arrays (N, ...): (N,); 0 if one is zeros."""
    first, second = (features.reshape(len(features), -1) for features in (first, second))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(axis=1)
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths != 0)


def require_similar(cosine: float, device: str) -> None:
    """Raises StageError if the frozen network computes something other than Keras, or zeros.

    Args:
        cosine: the lowest similarity of an image's features.
        device: that Keras computes on, `CPU` or `GPU`.
    """
    if not cosine >= LEAST_COSINE:
        remedy = (
            "a GPU computes zeros with libraries of another version: update its driver and "
            "libraries, or use the CPU (environment variable CUDA_VISIBLE_DEVICES=-1; on a Mac, "
            "`pip uninstall tensorflow-metal`)"
            if device == "GPU"
            else "set freeze.precision to float32, or fetch.weights to other weights"
        )
        rule = f"must be like those of Keras, with a cosine similarity of {LEAST_COSINE} or more"
        raise StageError(f"freeze: features {rule}; got {cosine:.3f}: {remedy}")


def main(weights: Path = pretrained.PATH, out: Path = base.FOLDER) -> None:
    """Freezes InceptionV3 as set in params.yaml."""
    settings = params.load("freeze", Params)
    model, upper = inception.load(weights, settings)
    info = base_info(settings, model, pretrained.identity(weights))
    count = sum(part.count_params() for part in (model, upper) if part)
    files.require_space(out, 5 * count)  # 4 bytes each, and HDF5's overhead
    tests = range(CALIBRATION_IMAGES, CALIBRATION_IMAGES + TEST_IMAGES)
    images = np.stack(synthetic_images(tests, model))
    with files.atomic_folder(out, base.INFO) as part:
        write(model, upper, part, info)
        features = engine.load(part).features(images)
        expected = np.asarray(model(images / np.float32(127.5) - 1, training=False))
        cosine = min_cosine(features, expected, info.layer_sizes)
        require_similar(cosine, engine.device("tensorflow"))
    cosine = math.floor(1000 * cosine) / 1000
    print(
        f"freeze: InceptionV3 up to {info.layer_names}, {info.image_height}x{info.image_width} "
        f"-> {'x'.join(map(str, info.feature_shape))} features, {ENGINE_NAMES[info.engine]} "
        f"{info.precision} (cosine similarity to Keras >= {cosine:.3f}) -> {out.as_posix()}"
    )


if __name__ == "__main__":
    run_main(main)
