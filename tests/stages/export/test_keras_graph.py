import pytest

from stages.export import keras_graph
from tests.stages.export.test_onnx_graph import PIXELS, in_openvino, quantized_network


def test_keras_computes_what_openvino_does():
    from classifier.inference.keras_backend import keras

    pixels = keras.Input((16, 16, 3), dtype="uint8")
    model = keras.Model(pixels, keras_graph.translate(quantized_network(), pixels))
    found, expected = model(PIXELS), in_openvino()
    for name in ("probabilities", "novelty"):
        assert found[name].numpy() == pytest.approx(expected[name], abs=2e-3)
