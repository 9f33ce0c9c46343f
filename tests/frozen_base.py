"""Makes frozen networks for the tests of several packages."""

from pathlib import Path

import numpy as np

from classifier.backbone import inception
from stages import freeze
from stages.freeze import Params

ENGINES = [("openvino", "float32"), ("tensorflow", "float32"), ("openvino", "int8")]


def freeze_params(
    layers: str = "mixed2",
    height: int = 75,
    width: int = 75,
    engine: str = "openvino",
    precision: str = "float32",
    pooling: str = "avg",
) -> Params:
    """Returns the section `freeze` of a small float32 network; `layers`: `mixed8 mixed10`."""
    return Params(layers.split(), pooling, height, width, engine, precision)


def write_base(weights: Path, settings: Params, folder: Path) -> Path:
    """Freezes InceptionV3 in the folder, as the stage does, and returns the folder."""
    folder.mkdir(exist_ok=True)
    model, upper = inception.load(weights, settings)
    freeze.write(model, upper, folder, freeze.base_info(settings, model, "random"))
    return folder


def noise(height: int, width: int) -> np.ndarray:
    """Returns the pixels of three images of noise, uint8 (3, height, width, 3)."""
    return np.random.default_rng(3).integers(0, 256, (3, height, width, 3), np.uint8)


def keras_features(weights: Path, layers: str, pixels: np.ndarray) -> np.ndarray:
    """Returns the features that Keras's own, whole InceptionV3 has at some layers, averaged."""
    from classifier.inference.keras_backend import keras

    model = keras.applications.InceptionV3(include_top=False, weights=None)
    model.load_weights(weights)
    inner = keras.Model(model.inputs[0], [model.get_layer(n).output for n in layers.split()])
    scaled = keras.applications.inception_v3.preprocess_input(pixels.astype(np.float32))
    maps = keras.tree.flatten(inner(scaled, training=False))
    return np.concatenate([np.asarray(one).mean(axis=(1, 2)) for one in maps], axis=1)
