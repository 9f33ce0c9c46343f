"""Translates an OpenVINO model to ONNX, operation by operation.

Its quantization becomes ONNX's: int8 weights with a scale per channel, uint8 activations, int32
biases. ONNX Runtime computes in integers what lies between a DequantizeLinear and a QuantizeLinear.
"""

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from stages.export import openvino_graph
from stages.export.openvino_graph import LEVELS, constant, is_constant, key

OPSET, IR_VERSION = 18, 8  # of ONNX 1.13, for ONNX Runtime 1.14 and later
NAMES = {  # of operations that take the same inputs and have no attributes
    "Abs": "Abs",
    "Add": "Add",
    "Divide": "Div",
    "Floor": "Floor",
    "Less": "Less",
    "Log": "Log",
    "Maximum": "Max",
    "Multiply": "Mul",
    "Power": "Pow",
    "Range": "Range",
    "Relu": "Relu",
    "Squeeze": "Squeeze",
    "Subtract": "Sub",
    "Unsqueeze": "Unsqueeze",
}
TYPES = {
    "boolean": TensorProto.BOOL,
    "f16": TensorProto.FLOAT16,
    "f32": TensorProto.FLOAT,
    "i32": TensorProto.INT32,
    "i64": TensorProto.INT64,
    "u8": TensorProto.UINT8,
}
Scale = tuple[float, int]  # step between two levels, and the level that means 0


def translate(model: Any) -> ModelProto:
    """Returns an OpenVINO model as an ONNX model with inputs and outputs of the same names.

    Raises:
        NotImplementedError: it has an operation that is not translated.
    """
    graph = _Graph()
    for operation in openvino_graph.number_operations(model):
        graph.add(operation)
    inputs = [_value_info(port, port) for port in model.inputs]
    outputs = []
    for port in model.outputs:
        source = graph.name(port.get_node().input_value(0))
        graph.nodes.append(helper.make_node("Identity", [source], [port.get_any_name()]))
        outputs.append(_value_info(port, port))
    used = {name for node in graph.nodes for name in node.input}  # ONNX Runtime warns of others
    constants = [one for one in graph.constants if one.name in used]
    proto = helper.make_graph(graph.nodes, "classifier", inputs, outputs, constants)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(proto, opset_imports=opset, ir_version=IR_VERSION)


def _value_info(port: Any, shaped: Any) -> Any:
    sides = enumerate(shaped.get_partial_shape())
    shape = [side.get_length() if side.is_static else "NHWC"[axis] for axis, side in sides]
    return helper.make_tensor_value_info(port.get_any_name(), _type(port), shape)


def _type(port: Any) -> int:
    return int(TYPES[port.get_element_type().get_type_name()])


class _Graph:
    """The ONNX graph of the operations added so far."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[tuple[str, int], str] = {}  # of OpenVINO's outputs
        self._scales: dict[str, Scale] = {}  # of quantized activations
        self._weight_scales: dict[str, np.ndarray] = {}

    def add(self, operation: Any) -> None:
        """Adds an operation whose inputs were added before."""
        type_ = operation.get_type_name()
        if type_ == "Parameter":
            self._names[key(operation.output(0))] = operation.output(0).get_any_name()
        elif type_ in ("Constant", "Result") or key(operation.output(0)) in self._names:
            return
        elif translated := getattr(self, f"_{type_.lower()}", None):
            translated(operation)
        elif type_ in NAMES:
            self._node(operation, NAMES[type_], self._inputs(operation))
        else:
            raise NotImplementedError(f"OpenVINO's {type_} in ONNX")

    def name(self, output: Any) -> str:
        """Returns the name of one of OpenVINO's outputs."""
        if key(output) not in self._names:
            self._names[key(output)] = self._constant(output.get_node().data)
        return self._names[key(output)]

    def _inputs(self, operation: Any) -> list[str]:
        return [self.name(value) for value in operation.input_values()]

    def _constant(self, array: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array), name))
        return name

    def _node(self, operation: Any, type_: str, inputs: list[str], **attributes: Any) -> str:
        """Adds the node that computes an operation's outputs and returns the first one's name."""
        ports = operation.outputs() if type_ == "Split" else [operation.output(0)]
        names = [f"{operation.get_friendly_name()}_{port.get_index()}" for port in ports]
        self._names |= {key(port): name for port, name in zip(ports, names, strict=True)}
        self.nodes.append(helper.make_node(type_, inputs, names, names[0], **attributes))
        return names[0]

    def _step(self, type_: str, inputs: list[str], **attributes: Any) -> str:
        """Adds a node for a part of an operation and returns its output's name."""
        name = f"step_{len(self.nodes)}"
        self.nodes.append(helper.make_node(type_, inputs, [name], name, **attributes))
        return name

    def _convert(self, operation: Any) -> None:
        if not is_constant(operation.input_value(0)):
            self._node(operation, "Cast", self._inputs(operation), to=_type(operation.output(0)))

    def _multiply(self, operation: Any) -> None:
        if not (quantized := openvino_graph.quantized_weights(operation)):
            self._node(operation, "Mul", self._inputs(operation))
            return
        weights, scale = quantized
        arrays = weights, scale, np.zeros(len(scale), np.int8)
        inputs = [self._constant(array) for array in arrays]
        self._weight_scales[self._node(operation, "DequantizeLinear", inputs, axis=0)] = scale

    def _fakequantize(self, operation: Any) -> None:
        low, high = openvino_graph.activation_range(operation)
        step = (high - low) / (LEVELS - 1)
        self._quantized(operation, self.name(operation.input_value(0)), (step, round(-low / step)))

    def _quantized(self, operation: Any, values: str, scale: Scale) -> None:
        """Rounds values and takes them for the operation's output."""
        both = [self._constant(np.float32(scale[0])), self._constant(np.uint8(scale[1]))]
        levels = self._step("QuantizeLinear", [values, *both])
        self._scales[self._node(operation, "DequantizeLinear", [levels, *both])] = scale

    def _convolution(self, operation: Any) -> None:
        result, bias = openvino_graph.bias(operation)
        values, weights = self._inputs(operation)
        inputs, window = [values, weights], _window(operation)
        if bias is not None and values in self._scales and weights in self._weight_scales:
            inputs.append(self._integer_bias(bias, values, weights))
        elif bias is not None:
            inputs.append(self._constant(bias))
        window["dilations"] = list(operation.get_attributes()["dilations"])
        self._names[key(result)] = self._node(operation, "Conv", inputs, **window)

    def _integer_bias(self, bias: np.ndarray, values: str, weights: str) -> str:
        """Returns the bias in steps of the products that it is added to."""
        steps = self._scales[values][0] * self._weight_scales[weights].astype(np.float64)
        levels = np.round(bias / steps).astype(np.int32)
        arrays = levels, steps.astype(np.float32), np.zeros(len(steps), np.int32)
        return self._step("DequantizeLinear", [self._constant(array) for array in arrays], axis=0)

    def _maxpool(self, operation: Any) -> None:
        size = operation.get_attributes()["kernel"]
        self._selection(operation, "MaxPool", kernel_shape=list(size), **_window(operation))

    def _concat(self, operation: Any) -> None:
        self._selection(operation, "Concat", axis=operation.get_attributes()["axis"])

    def _selection(self, operation: Any, type_: str, **attributes: Any) -> None:
        """Adds an operation whose results are among its inputs, so that they are quantized too."""
        inputs = self._inputs(operation)
        scales = {self._scales.get(name) for name in inputs}
        scale = scales.pop() if len(scales) == 1 else None
        if scale:
            self._quantized(operation, self._step(type_, inputs, **attributes), scale)
        else:
            self._node(operation, type_, inputs, **attributes)

    def _avgpool(self, operation: Any) -> None:
        attributes = operation.get_attributes()
        shape = {"kernel_shape": list(attributes["kernel"]), **_window(operation)}
        counted = int(not attributes["exclude-pad"])
        inputs = self._inputs(operation)
        self._node(operation, "AveragePool", inputs, count_include_pad=counted, **shape)

    def _transpose(self, operation: Any) -> None:
        order = constant(operation, 1).tolist()
        self._node(operation, "Transpose", [self.name(operation.input_value(0))], perm=order)

    def _matmul(self, operation: Any) -> None:
        attributes, inputs = operation.get_attributes(), self._inputs(operation)
        for place, side in enumerate("ab"):
            if attributes[f"transpose_{side}"]:
                rank = len(operation.input_value(place).get_partial_shape())
                order = [*range(rank - 2), rank - 1, rank - 2]
                inputs[place] = self._step("Transpose", [inputs[place]], perm=order)
        self._node(operation, "MatMul", inputs)

    def _softmax(self, operation: Any) -> None:
        axis = operation.get_attributes()["axis"]
        self._node(operation, "Softmax", self._inputs(operation), axis=axis)

    def _reduce(self, operation: Any) -> None:
        axes = self._constant(np.atleast_1d(constant(operation, 1)).astype(np.int64))
        inputs = [self.name(operation.input_value(0)), axes]
        kept = int(operation.get_attributes()["keep_dims"])
        self._node(operation, operation.get_type_name(), inputs, keepdims=kept)

    _reducemean = _reducemin = _reducesum = _reduce

    def _shapeof(self, operation: Any) -> None:
        sides = self._step("Shape", self._inputs(operation))
        self._node(operation, "Cast", [sides], to=_type(operation.output(0)))

    def _gather(self, operation: Any) -> None:
        axis = int(constant(operation, 2))
        self._node(operation, "Gather", self._inputs(operation)[:2], axis=axis)

    def _split(self, operation: Any) -> None:
        values, axis = self.name(operation.input_value(0)), int(constant(operation, 1))
        count = operation.get_output_size()
        self._node(operation, "Split", [values], axis=axis, num_outputs=count)


def _window(operation: Any) -> dict[str, list[int]]:
    """Returns the strides and pads of a convolution or pooling."""
    attributes = operation.get_attributes()
    pads = [*attributes["pads_begin"], *attributes["pads_end"]]
    return {"strides": list(attributes["strides"]), "pads": pads}
