"""Keras's InceptionV3: split at the last frozen layer, with batch norms folded."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.common.errors import StageError
from classifier.inference.base import NetworkSpec, in_network_order

if TYPE_CHECKING:
    import keras


def load(weights: Path, spec: NetworkSpec) -> tuple["keras.Model", "keras.Model | None"]:
    """Returns InceptionV3 up to the last frozen layer, and the blocks above it.

    The first model takes float32 pixels in [-1, 1]. With pooling `avg` it returns vectors, those of
    the layers side by side in network order, and there is no second model; with `none` it returns
    the maps of a single layer, and the second model turns them into vectors.

    Raises:
        StageError: the file does not hold the weights of InceptionV3 without its classifier.
    """
    from classifier.inference.keras_backend import keras, load_weights

    weights.stat()  # a missing file is FileNotFoundError; HDF5's own error does not name it
    keras.backend.clear_session()  # restarts the numbers in layer names
    shape = (spec.image_height, spec.image_width, 3)
    model = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape)
    try:
        load_weights(model, weights)
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StageError(
            f"{weights.as_posix()}: must hold the weights of InceptionV3 without its classifier "
            f"(include_top=False); got {reason}: "
            "set fetch.weights in params.yaml to the right file, to imagenet or to random"
        ) from None
    outputs = [model.get_layer(name).output for name in in_network_order(spec.layers)]
    average = keras.layers.GlobalAveragePooling2D
    if spec.pooling == "avg":
        vectors = [average()(maps) for maps in outputs]
        joined = keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]
        return keras.Model(model.inputs[0], joined), None
    (maps,) = outputs
    upper = keras.Model(maps, average(name="pooled")(model.outputs[0]), name="upper")
    return keras.Model(model.inputs[0], maps), upper


def fold_batch_norm(model: "keras.Model") -> "keras.Model":
    """Returns an equivalent model with each batch norm folded into the convolution before it.

    At inference a batch norm is `(x - mean) / sqrt(variance + epsilon) + beta`: the factor goes
    into the kernel, the rest into a bias. Computed in float64 and rounded once.
    """
    from classifier.inference.keras_backend import keras

    def with_bias(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Conv2D):
            config["use_bias"] = True
        return layer.__class__.from_config(config)

    def without_norm(layer: Any, *args: Any, **kwargs: Any) -> Any:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        return args[0] if norm else layer(*args, **kwargs)

    folded = keras.models.clone_model(model, clone_function=with_bias, call_function=without_norm)
    for norm in model.layers:
        if isinstance(norm, keras.layers.BatchNormalization):
            convolution = norm.input._keras_history.operation
            kernel = convolution.kernel.numpy().astype(np.float64)  # (kh, kw, in, out)
            beta, mean, variance = (w.numpy().astype(np.float64) for w in norm.weights)  # (out,)
            factor = 1 / np.sqrt(variance + norm.epsilon)
            weights = [kernel * factor, beta - mean * factor]
            folded.get_layer(convolution.name).set_weights([w.astype(np.float32) for w in weights])
    return folded


def with_rescaling(model: "keras.Model") -> "keras.Model":
    """Returns a model that takes uint8 pixels (N, H, W, 3) and rescales them to [-1, 1] itself."""
    from classifier.inference.keras_backend import keras

    pixels = keras.Input(model.input_shape[1:], dtype="uint8", name="pixels")
    rescaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    return keras.Model(pixels, model(rescaled), name="base")
