import numpy as np
import pytest

from stages.export import keras_graph, stage
from tests.stages.export.test_onnx_graph import PIXELS, in_openvino, quantized_network


def keras_model(round_weights):
    from classifier.inference.keras_backend import keras

    pixels = keras.Input((16, 16, 3), dtype="uint8", name="pixels")
    outputs = keras_graph.translate(quantized_network(), pixels, round_weights)
    return keras.Model(pixels, outputs)


def test_keras_computes_what_openvino_does():
    found, expected = keras_model(round_weights=False)(PIXELS), in_openvino()
    for name in ("probabilities", "novelty"):
        assert found[name].numpy() == pytest.approx(expected[name], rel=1e-5)


def test_int8_arithmetic_of_tensorflow_lite_computes_what_openvino_does():
    from classifier.inference.keras_backend import tf

    converter = tf.lite.TFLiteConverter.from_keras_model(keras_model(round_weights=True))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with stage.quiet_converters():
        run = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    found, expected = [run(pixels=one[None]) for one in PIXELS], in_openvino()
    for name in ("probabilities", "novelty"):
        rows = np.concatenate([row[name] for row in found])
        assert rows == pytest.approx(expected[name], rel=1e-5)
