"""InceptionV3 as Keras has it: cut, without batch norms, from pixels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from classifier.common.errors import StageError

if TYPE_CHECKING:
    import keras


class NetworkSpec(Protocol):
    """Where to cut, and what comes in; as params and models/base have it."""

    @property
    def last_layer(self) -> str:
        """Returns the name of the last layer."""

    @property
    def pooling(self) -> str:
        """Returns `avg` or `none`."""

    @property
    def image_height(self) -> int:
        """Returns the pixels of an image, downwards."""

    @property
    def image_width(self) -> int:
        """Returns the pixels of an image, across."""


def inception(weights: Path, settings: NetworkSpec) -> tuple["keras.Model", "keras.Model | None"]:
    """Returns Keras's InceptionV3 up to the cut, which takes float32 in [-1, 1], and the rest.

    The rest, from maps to vectors, is there where the first gives maps.

    Raises:
        StageError: the file does not hold InceptionV3's weights without top.
    """
    from classifier.inference.keras_backend import keras

    weights.stat()  # a missing file is FileNotFoundError; HDF5's own error does not name it
    keras.backend.clear_session()  # the layers are numbered from the first again
    shape = (settings.image_height, settings.image_width, 3)
    model = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape)
    try:
        model.load_weights(weights)
    except (ValueError, KeyError, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise StageError(
            f"{weights.as_posix()}: must hold the weights of InceptionV3 without top; got {said}: "
            "set fetch.weights in params.yaml to the right file, to imagenet or to random"
        ) from None
    last = model.get_layer(settings.last_layer).output
    average = keras.layers.GlobalAveragePooling2D
    if settings.pooling == "avg":
        return keras.Model(model.inputs[0], average()(last)), None
    rest = keras.Model(last, average(name="pooled")(model.outputs[0]), name="upper")
    return keras.Model(model.inputs[0], last), rest


def fold_batch_norm(model: "keras.Model") -> "keras.Model":
    """Returns the same function without batch norms: each is part of the convolution before it.

    A batch norm at inference is `(x - mean) / sqrt(variance + epsilon) + beta`, so its factor goes
    into the kernel and the rest into a bias; computed in float64 and rounded once.
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


def with_scaling(model: "keras.Model") -> "keras.Model":
    """Returns a model that takes uint8 pixels (N, H, W, 3) and scales them to [-1, 1] itself."""
    from classifier.inference.keras_backend import keras

    pixels = keras.Input(model.input_shape[1:], dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    return keras.Model(pixels, model(scaled), name="base")
