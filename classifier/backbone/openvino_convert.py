"""Converts Keras models to OpenVINO, and quantizes them to int8."""

import contextlib
import io
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.backbone import int8_rounding
from classifier.inference.openvino_engine import converter, openvino

if TYPE_CHECKING:
    import keras


def convert(model: "keras.Model", dtype: str = "") -> Any:
    """Returns a Keras model of one input as an OpenVINO model that takes batches of any size.

    `dtype` is that of the converted model's input; empty: as in the Keras model. OpenVINO
    reads the graph from a file: its converter of TensorFlow objects (2026.4) fails on Python 3.13.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from classifier.inference.keras_backend import tf

    shape = (None, *model.input_shape[1:])
    own = model.inputs[0].dtype
    signature = [tf.TensorSpec(shape, dtype or own, "pixels")]
    run = tf.function(
        lambda pixels: model(tf.cast(pixels, own), training=False),
        input_signature=signature,
        autograph=False,
    )
    graph = convert_variables_to_constants_v2(run.get_concrete_function()).graph.as_graph_def()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.pb"
        path.write_bytes(graph.SerializeToString(deterministic=True))
        network = converter()(path)
    network.inputs[0].set_names({"pixels"})  # the converter says "pixels:0"
    return network


def quantize(network: Any, images: Sequence[np.ndarray]) -> Any:
    """Returns a float32 OpenVINO model with int8 weights and activations, quantized by NNCF.

    Weights have one scale per channel. Activations have one range per layer, measured on the
    images, uint8 (H, W, 3) each. Biases are corrected for the mean error on them. Weights have
    half of the int8 levels: processors without VNNI add two products in 16 bits, which more would
    overflow, so that each kind of processor had features of its own.
    """
    openvino()  # first: it also keeps NNCF from sending usage statistics
    import nncf

    nncf.set_log_level(logging.ERROR)
    hidden = contextlib.redirect_stdout(io.StringIO())
    with contextlib.nullcontext() if sys.stdout.isatty() else hidden:
        quantized = nncf.quantize(
            network,
            nncf.Dataset([image[None] for image in images]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(images),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
    int8_rounding.align(quantized)
    return quantized
