"""The whole classifier, from uint8 pixels to probabilities, as a network of other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages import base, ir, network, resizing
from stages.base import Base
from stages.head import Head
from stages.openvino_engine import openvino

if TYPE_CHECKING:
    import keras


def openvino_model(folder: Path, about: Base, head: Head, weights: Path) -> Any:
    """Returns the classifier as OpenVINO's: the very network that `predict` is computed with.

    Pictures of any size are resized as `extract` does it (see stages/resizing.py). The class names
    are its `rt_info`, `model_info/labels`.

    Args:
        folder: models/base.
        about: what it is.
        head: the top layers.
        weights: models/pretrained.h5, for a base that was frozen for TensorFlow.
    """
    ov = openvino()
    if about.engine == "openvino":
        whole = ov.Core().read_model(folder / base.NETWORK)
    else:
        whole = ir.convert(
            network.with_scaling(network.fold_batch_norm(network.inception(weights, about)[0]))
        )
    pixels, resized = resizing.openvino_pixels(ov, about.image_height, about.image_width)
    whole.get_parameters()[0].output(0).replace(resized)
    result = _with_head(ov, whole.get_results()[0].input_value(0), head)
    result.get_node().set_friendly_name("probabilities")
    result.set_names({"probabilities"})
    found = ov.Model([result], [pixels], "classifier")
    found.set_rt_info(list(head.about.class_names), ["model_info", "labels"])
    return found


def _with_head(ov: Any, features: Any, head: Head) -> Any:
    """Returns the probabilities that the head makes of features, as an output of OpenVINO's."""
    ops = ov.opset13
    if head.network:
        top = ov.Core().read_model(head.network)
        maps = ops.convert(features, "f16").output(0)
        top.get_parameters()[0].output(0).replace(maps)
        features = top.get_results()[0].input_value(0)
    for kernel, bias, activation in head.layers:
        values = ops.matmul(features, np.float32(kernel), False, False)
        values = ops.add(values, np.float32(bias))
        values = ops.relu(values) if activation == "relu" else ops.softmax(values, 1)
        features = values.output(0)
    return features


def to_vectors(about: Base, head: Head, weights: Path) -> "keras.Model":
    """Returns all before the head in Keras's float32, from [-1, 1]; learned blocks among it."""
    from stages.backend import keras

    model, top = network.inception(weights, about)
    model = network.fold_batch_norm(model)
    if not top:
        return model
    if head.top_weights:
        top.load_weights(head.top_weights)
    return keras.Model(model.inputs[0], network.fold_batch_norm(top)(model.outputs[0]))


def keras_model(about: Base, head: Head, weights: Path) -> "keras.Model":
    """Returns the classifier as Keras's, in float32: uint8 pictures (N, H, W, 3) of any size.

    They are resized by TensorFlow's antialiased bilinear filter, and rounded to whole levels.
    """
    from stages.backend import keras

    model = to_vectors(about, head, weights)
    pixels = keras.Input((None, None, 3), dtype="uint8", name="pixels")
    size = about.image_height, about.image_width
    resize = keras.layers.Resizing(*size, antialias=True, name="resized")
    levels = keras.ops.round(resize(pixels))
    return keras.Model(pixels, _behind(levels, model, head), name="classifier")


def sized_model(about: Base, head: Head, weights: Path, dtype: str) -> "keras.Model":
    """Returns the classifier for pictures of the network's own size, resized beforehand.

    Args:
        about: the base.
        head: the top layers.
        weights: models/pretrained.h5.
        dtype: of the pixels, 0 to 255.
    """
    from stages.backend import keras

    model = to_vectors(about, head, weights)
    pixels = keras.Input(model.input_shape[1:], dtype=dtype, name="pixels")
    return keras.Model(pixels, _behind(pixels, model, head), name="classifier")


def _behind(pixels: Any, model: "keras.Model", head: Head) -> Any:
    """Returns the probabilities of resized pixels, 0 to 255."""
    from stages.backend import keras

    values = model(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaled")(pixels))
    for number, (kernel, bias, activation) in enumerate(head.layers):
        name = "probabilities" if activation == "softmax" else f"hidden_{number}"
        layer = keras.layers.Dense(kernel.shape[1], activation=activation, name=name)
        values = layer(values)
        layer.set_weights([np.float32(kernel), np.float32(bias)])
    return values
