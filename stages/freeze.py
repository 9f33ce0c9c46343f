"""Cut InceptionV3 at its last frozen layer and make of it what turns pixels into features.

Reads   models/pretrained.h5
Writes  models/base
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stages import base, outputs, params, pretrained
from stages.base import Base
from stages.errors import StageError, run

if TYPE_CHECKING:
    import keras

SMALLEST = 75  # pixels a side: the least that InceptionV3 takes
CUTS = tuple(f"mixed{number}" for number in range(11))


@dataclass(frozen=True)
class Params:
    """Section `freeze` of params.yaml."""

    cut: str  # last frozen layer
    pooling: Literal["avg"]  # how its map becomes a vector
    image_height: int  # pixels
    image_width: int  # pixels

    def __post_init__(self) -> None:
        params.require(self.cut in CUTS, "freeze.cut", f"one of {', '.join(CUTS)}", self.cut)
        for name, pixels in (("height", self.image_height), ("width", self.image_width)):
            rule = f"{SMALLEST} or more"
            params.require(pixels >= SMALLEST, f"freeze.image_{name}", rule, pixels)


def inception(weights: Path, settings: Params) -> "keras.Model":
    """Returns Keras's InceptionV3 up to the cut, pooled; it takes float32 in [-1, 1].

    Raises:
        StageError: the file does not hold InceptionV3's weights without top.
    """
    from stages.backend import keras

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
    output = model.get_layer(settings.cut).output
    return keras.Model(model.inputs[0], keras.layers.GlobalAveragePooling2D()(output))


def fold_batch_norm(model: "keras.Model") -> "keras.Model":
    """Returns the same function without batch norms: each is part of the convolution before it.

    A batch norm at inference is `(x - mean) / sqrt(variance + epsilon) + beta`, so its factor goes
    into the kernel and the rest into a bias; computed in float64 and rounded once.
    """
    from stages.backend import keras

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
    from stages.backend import keras

    pixels = keras.Input(model.input_shape[1:], dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    return keras.Model(pixels, model(scaled), name="base")


def largest_difference(one: "keras.Model", other: "keras.Model") -> tuple[float, float]:
    """Returns how far apart two models are on two pictures of noise, and the largest feature."""
    shape = (2, *one.input_shape[1:])
    noise = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    left, right = (np.asarray(model(noise, training=False)) for model in (one, other))
    return float(np.abs(left - right).max()), float(np.abs(left).max())


def write_model(model: "keras.Model", folder: Path) -> None:
    """Writes architecture and weights, whose bytes depend on nothing but the model."""
    outputs.write_json(folder / base.ARCHITECTURE, json.loads(model.to_json()))
    model.save_weights(folder / base.WEIGHTS)


def main(weights: Path = pretrained.PATH, out: Path = base.FOLDER) -> None:
    """Freezes InceptionV3 as params.yaml says."""
    settings = params.load("freeze", Params)
    model = inception(weights, settings)
    folded = fold_batch_norm(model)
    difference, largest = largest_difference(model, folded)
    about = Base(
        **asdict(settings),
        feature_shape=folded.output_shape[1:],
        dtype="float32",
        precision="float32",
        weights=pretrained.identity(weights),
    )
    outputs.require_space(out, 5 * folded.count_params())  # 4 bytes each, and HDF5's own
    with outputs.whole(out) as part:
        part.mkdir()
        write_model(with_scaling(folded), part)
        base.write_about(part, about)
    size = f"{about.image_height}x{about.image_width}"
    print(
        f"freeze: {size} pixels to {model.output_shape[-1]} features by {about.cut} "
        f"-> {out.as_posix()}, batch norm folded: at most {difference:.1e} off, of {largest:.2g}"
    )


if __name__ == "__main__":
    run(main)
