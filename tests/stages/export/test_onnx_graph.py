import numpy as np
import pytest

from classifier.backbone import int8_rounding
from classifier.inference.openvino_engine import EXACT, openvino
from stages.export import onnx_graph

PIXELS = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)


def quantized_network():
    """Returns a small int8 network as `freeze` makes it; outputs `probabilities` and `novelty`."""
    ops, rng = openvino().opset13, np.random.default_rng(0)

    def rounded(values, low, high):
        limits = [np.float32(limit) for limit in (low, high, low, high)]
        return ops.fake_quantize(values, *limits, 256)

    def convolved(values, inputs, outputs, size, pad):
        # sums of two products fit into 16 bits, or processors without VNNI cut them off
        weights = rng.integers(-60, 61, (outputs, inputs, size, size)).astype(np.int8)
        scale = np.float32(rng.uniform(0.004, 0.008, (outputs, 1, 1, 1)))
        kernel = ops.multiply(ops.convert(ops.constant(weights), "f32"), scale)
        values = ops.convolution(values, kernel, [1, 1], [0, 0], [0, 0], [1, 1], pad)
        bias = np.float32(rng.normal(0, 0.1, (1, outputs, 1, 1)))
        return ops.relu(ops.add(values, bias))

    pixels = ops.parameter([-1, 16, 16, 3], openvino().Type.u8, name="pixels")
    pixels.output(0).set_names({"pixels"})
    planes = ops.transpose(ops.convert(pixels, "f32"), np.array([0, 3, 1, 2]))
    scaled = ops.add(ops.multiply(planes, np.float32(1 / 127.5)), np.float32(-1))
    first = rounded(convolved(rounded(scaled, -128 / 127, 1), 3, 8, 3, "valid"), 0, 2)
    pooled = ops.avg_pool(first, [1, 1], [1, 1], [1, 1], [3, 3], True, "floor", "same_upper")
    left = rounded(convolved(rounded(pooled, 0, 1.5), 8, 4, 1, "valid"), 0, 3)
    right = rounded(convolved(first, 8, 4, 3, "same_upper"), 0, 3)
    joined = ops.concat([left, right], 1)
    last = ops.max_pool(joined, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], "floor", "valid", "i64", 0)
    features = ops.reduce_mean(last.output(0), np.array([2, 3]), False)
    logits = ops.matmul(features, np.float32(rng.normal(0, 1, (8, 3))), False, False)
    outputs = {
        "probabilities": ops.softmax(ops.add(logits, np.float32([0, 0.1, 0.2])), 1).output(0),
        "novelty": ops.reduce_sum(ops.multiply(features, features), np.array([1]), True).output(0),
    }
    for name, output in outputs.items():
        output.set_names({name})
    network = openvino().Model(list(outputs.values()), [pixels], "test")
    int8_rounding.align(network)
    return network


def in_openvino():
    exact = {"INFERENCE_PRECISION_HINT": EXACT["INFERENCE_PRECISION_HINT"]}
    return openvino().compile_model(quantized_network(), "CPU", exact)(PIXELS)


def test_onnx_runtime_computes_what_openvino_does():
    import onnx
    import onnxruntime

    model = onnx_graph.translate(quantized_network())
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = in_openvino()
    for name in ("probabilities", "novelty"):
        (found,) = session.run([name], {"pixels": PIXELS})
        assert found == pytest.approx(expected[name], rel=1e-5)


def test_quantized_layers_become_integer_ones():
    model = onnx_graph.translate(quantized_network())
    made = {name: node for node in model.graph.node for name in node.output}
    arrays = {one.name: one for one in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 3
    for node in convolutions:
        values, weights, bias = (made[name] for name in node.input)
        assert {values.op_type, weights.op_type, bias.op_type} == {"DequantizeLinear"}
        assert made[values.input[0]].op_type == "QuantizeLinear"
        assert [arrays[one.input[0]].data_type for one in (weights, bias)] == [3, 6]  # int8, int32


def test_an_unknown_operation_is_an_error():
    ops = openvino().opset13
    values = ops.parameter([-1, 3], openvino().Type.f32)
    model = openvino().Model([ops.erf(values).output(0)], [values], "test")
    with pytest.raises(NotImplementedError, match="Erf"):
        onnx_graph.translate(model)
