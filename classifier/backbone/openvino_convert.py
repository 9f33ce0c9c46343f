"""Makes networks of OpenVINO's of Keras's, and turns their arithmetic to int8."""

import contextlib
import io
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.inference.openvino_engine import openvino

if TYPE_CHECKING:
    import keras


def convert(model: "keras.Model", dtype: str = "") -> Any:
    """Returns a Keras model as OpenVINO's, for any number of images at once.

    Args:
        model: of one input.
        dtype: in which to take the input; empty: the model's own.
    """
    from classifier.inference.keras_backend import tf

    shape = (None, *model.input_shape[1:])
    own = model.inputs[0].dtype
    signature = [tf.TensorSpec(shape, dtype or own, "pixels")]
    run = tf.function(
        lambda pixels: model(tf.cast(pixels, own), training=False),
        input_signature=signature,
        autograph=False,
    )
    return openvino().convert_model(run)


def quantize(network: Any, images: Sequence[np.ndarray]) -> Any:
    """Returns the network with int8 weights and activations, by NNCF.

    Weights have a scale per channel; activations a range per layer, that of the images; biases
    are corrected for the mean error on them.

    Args:
        network: of OpenVINO, in float32.
        images: uint8 (H, W, 3) each, that show the range of values to expect.
    """
    openvino()  # first, for it keeps NNCF too from sending usage statistics
    import nncf

    nncf.set_log_level(logging.ERROR)
    hidden = contextlib.redirect_stdout(io.StringIO())
    with contextlib.nullcontext() if sys.stdout.isatty() else hidden:
        return nncf.quantize(
            network,
            nncf.Dataset([image[None] for image in images]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(images),
        )
