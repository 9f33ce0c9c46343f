"""The whole classifier, from uint8 pixels to probabilities, as a network of other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.backbone import inception, openvino_convert
from classifier.head import Head
from classifier.inference import base
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import openvino
from stages.export import resize_ops

if TYPE_CHECKING:
    import keras


def openvino_model(folder: Path, about: BaseInfo, head: Head, weights: Path) -> Any:
    """Returns the classifier as OpenVINO's: the very network that `predict` is computed with.

    Images of any size are resized as `extract` does it (see stages/resizing.py). The class names
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
        whole = openvino_convert.convert(
            inception.with_scaling(
                inception.fold_batch_norm(inception.inception(weights, about)[0])
            )
        )
    pixels, resized = resize_ops.openvino_pixels(ov, about.image_height, about.image_width)
    whole.get_parameters()[0].output(0).replace(resized)
    result = _with_head(ov, whole.get_results()[0].input_value(0), head)
    result.get_node().set_friendly_name("probabilities")
    result.set_names({"probabilities"})
    found = ov.Model([result], [pixels], "classifier")
    found.set_rt_info(list(head.info.class_names), ["model_info", "labels"])
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


def to_vectors(about: BaseInfo, head: Head, weights: Path) -> "keras.Model":
    """Returns all before the head in Keras's float32, from [-1, 1]; learned blocks among it."""
    from classifier.inference.keras_backend import keras

    model, top = inception.inception(weights, about)
    model = inception.fold_batch_norm(model)
    if not top:
        return model
    if head.upper_weights:
        top.load_weights(head.upper_weights)
    return keras.Model(model.inputs[0], inception.fold_batch_norm(top)(model.outputs[0]))


def keras_model(about: BaseInfo, head: Head, weights: Path) -> "keras.Model":
    """Returns the classifier as Keras's, in float32: uint8 images (N, H, W, 3) of any size.

    They are resized by TensorFlow's antialiased bilinear filter, and rounded to whole levels.
    """
    from classifier.inference.keras_backend import keras

    model = to_vectors(about, head, weights)
    pixels = keras.Input((None, None, 3), dtype="uint8", name="pixels")
    size = about.image_height, about.image_width
    resize = keras.layers.Resizing(*size, antialias=True, name="resized")
    levels = keras.ops.round(resize(pixels))
    return keras.Model(pixels, _behind(levels, model, head), name="classifier")


def sized_model(about: BaseInfo, head: Head, weights: Path, dtype: str) -> "keras.Model":
    """Returns the classifier for images of the network's own size, resized beforehand.

    Args:
        about: the base.
        head: the top layers.
        weights: models/pretrained.h5.
        dtype: of the pixels, 0 to 255.
    """
    from classifier.inference.keras_backend import keras

    model = to_vectors(about, head, weights)
    pixels = keras.Input(model.input_shape[1:], dtype=dtype, name="pixels")
    return keras.Model(pixels, _behind(pixels, model, head), name="classifier")


def _behind(pixels: Any, model: "keras.Model", head: Head) -> Any:
    """Returns the probabilities of resized pixels, 0 to 255."""
    from classifier.inference.keras_backend import keras

    values = model(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaled")(pixels))
    for number, (kernel, bias, activation) in enumerate(head.layers):
        name = "probabilities" if activation == "softmax" else f"hidden_{number}"
        layer = keras.layers.Dense(kernel.shape[1], activation=activation, name=name)
        values = layer(values)
        layer.set_weights([np.float32(kernel), np.float32(bias)])
    return values
