"""Translates an OpenVINO model to Keras's built-in layers, operation by operation.

Maps (N, C, H, W) become (N, H, W, C). Quantized weights become the floats that they stand for, and
activations are rounded to the same 256 levels by fake quantization, so the model computes in
float32 what OpenVINO computes in integers (Jacob et al. 2018, section 3).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.export import openvino_graph
from stages.export.openvino_graph import constant, is_constant, key

if TYPE_CHECKING:
    import keras

TINY = 1e-30  # added to a feature, it changes nothing
WEIGHT_LEVELS = 127  # above and below 0
CHANNELS_LAST = {0: 0, 1: 3, 2: 1, 3: 2}  # axes


def translate(
    model: Any, pixels: Any, round_weights: bool = False
) -> "dict[str, keras.KerasTensor]":
    """Returns the outputs of an OpenVINO model of one input, by name.

    Args:
        model: takes images (N, H, W, 3).
        pixels: a Keras tensor of the same.
        round_weights: whether quantized weights are rounded in the model, which changes nothing
            but tells TensorFlow Lite their steps; it cannot be written to a .keras file.

    Raises:
        NotImplementedError: the model has an operation that is not translated.
    """
    graph = _Graph(pixels, round_weights)
    for operation in openvino_graph.number_operations(model):
        graph.add(operation)
    sources = {port.get_any_name(): port.get_node().input_value(0) for port in model.outputs}
    return {name: graph.value(source) for name, source in sources.items()}


class _Graph:
    """The Keras tensors of the operations added so far."""

    def __init__(self, pixels: Any, round_weights: bool) -> None:
        from classifier.inference.keras_backend import keras

        self._keras = keras
        self._pixels = pixels
        self._round_weights = round_weights
        self._values: dict[tuple[str, int], Any] = {}
        self._scales: dict[tuple[str, int], np.ndarray] = {}  # of quantized weights
        self._same: dict[str, Callable[..., Any]] = {
            "Add": keras.ops.add,
            "Divide": keras.ops.divide,
            "Log": keras.ops.log,
            "Maximum": keras.ops.maximum,
            "Multiply": keras.ops.multiply,
            "Power": keras.ops.power,
            "Relu": keras.ops.relu,
            "Subtract": keras.ops.subtract,
        }

    def add(self, operation: Any) -> None:
        """Adds an operation whose inputs were added before."""
        type_ = operation.get_type_name()
        if type_ in ("Constant", "Result") or key(operation.output(0)) in self._values:
            return
        if translated := getattr(self, f"_{type_.lower()}", None):
            value = translated(operation)
        elif type_ in self._same:
            value = self._same[type_](*(self._input(one) for one in operation.input_values()))
        else:
            raise NotImplementedError(f"OpenVINO's {type_} in Keras")
        self._values[key(operation.output(0))] = value

    def value(self, output: Any) -> Any:
        """Returns the tensor, or the constant, of one of OpenVINO's outputs."""
        return output.get_node().data if is_constant(output) else self._values[key(output)]

    def _input(self, output: Any) -> Any:
        value = self.value(output)
        return float(value.item()) if isinstance(value, np.ndarray) else value

    def _first(self, operation: Any) -> Any:
        return self.value(operation.input_value(0))

    def _parameter(self, operation: Any) -> Any:
        return self._pixels

    def _convert(self, operation: Any) -> Any:
        value = self._first(operation)
        if isinstance(value, np.ndarray):
            return value.astype(np.float32)
        return value if "float" in value.dtype else self._keras.ops.cast(value, "float32")

    def _multiply(self, operation: Any) -> Any:
        if quantized := openvino_graph.quantized_weights(operation):
            weights, scale = quantized
            self._scales[key(operation.output(0))] = scale
            return weights * scale.reshape(-1, *[1] * (weights.ndim - 1))
        return self._keras.ops.multiply(*map(self._input, operation.input_values()))

    def _fakequantize(self, operation: Any) -> Any:
        low, high = openvino_graph.activation_range(operation)
        rounded = self._keras.quantizers.fake_quant_with_min_max_vars
        return rounded(self._first(operation), low, high)

    def _convolution(self, operation: Any) -> Any:
        kernel = np.transpose(self.value(operation.input_value(1)), (2, 3, 1, 0))
        layer = self._keras.layers.Conv2D(
            kernel.shape[3],
            kernel.shape[:2],
            operation.get_attributes()["strides"],
            _padding(operation),
        )
        scale = self._scales.get(key(operation.input_value(1)))
        if self._round_weights and scale is not None:
            layer.convolution_op = partial(self._rounded_convolution, layer.convolution_op, scale)
        return self._with_weights(operation, layer, self._first(operation), kernel)

    def _rounded_convolution(
        self, convolve: Callable[..., Any], scale: np.ndarray, values: Any, kernel: Any
    ) -> Any:
        """Returns the convolution with a kernel whose steps TensorFlow Lite would else guess.

        It takes them from the largest weight, but NNCF leaves out half of the levels.
        """
        end = WEIGHT_LEVELS * scale
        rounded = self._keras.quantizers.fake_quant_with_min_max_vars
        return convolve(values, rounded(kernel, -end, end, narrow_range=True, axis=3))

    def _matmul(self, operation: Any) -> Any:
        kernel = constant(operation, 1)
        layer = self._keras.layers.Dense(kernel.shape[1])
        return self._with_weights(operation, layer, self._first(operation), kernel)

    def _with_weights(self, operation: Any, layer: Any, values: Any, kernel: np.ndarray) -> Any:
        """Returns a layer's output and takes it for the operation's with the bias added."""
        output, bias = openvino_graph.bias(operation)
        layer.use_bias = bias is not None
        value = layer(values)
        layer.set_weights([kernel] if bias is None else [kernel, bias])
        self._values[key(output)] = value
        return value

    def _maxpool(self, operation: Any) -> Any:
        return self._pooling(self._keras.layers.MaxPooling2D, operation)(self._first(operation))

    def _avgpool(self, operation: Any) -> Any:
        layer = self._pooling(self._keras.layers.AveragePooling2D, operation)
        return self._exact(layer(self._exact(self._first(operation))))

    def _pooling(self, layer: Any, operation: Any) -> Any:
        attributes = operation.get_attributes()
        sizes = tuple(attributes["kernel"]), tuple(attributes["strides"])
        return layer(*sizes, padding=_padding(operation))

    def _exact(self, value: Any) -> Any:
        """Returns the same value, for which TensorFlow Lite has no int8 range.

        It would otherwise round an average to the levels of what is averaged, and what is joined
        to common levels.
        """
        return self._keras.ops.add(value, TINY)

    def _transpose(self, operation: Any) -> Any:
        return self._first(operation)  # between OpenVINO's order of axes and Keras's

    def _concat(self, operation: Any) -> Any:
        values = [self.value(value) for value in operation.input_values()]
        nodes = [value.get_node() for value in operation.input_values()]
        rounded = [node for node in nodes if node.get_type_name() == "FakeQuantize"]
        if len(set(map(openvino_graph.activation_range, rounded))) > 1:
            values = [self._exact(value) for value in values]
        axis = operation.get_attributes()["axis"]
        return self._keras.ops.concatenate(
            values, CHANNELS_LAST[axis] if values[0].ndim == 4 else axis
        )

    def _reducemean(self, operation: Any) -> Any:
        return self._keras.layers.GlobalAveragePooling2D()(self._exact(self._first(operation)))

    def _reducesum(self, operation: Any) -> Any:
        return self._keras.ops.sum(self._first(operation), axis=1, keepdims=True)

    def _reducemin(self, operation: Any) -> Any:
        return self._keras.ops.min(self._first(operation), axis=1, keepdims=True)

    def _softmax(self, operation: Any) -> Any:
        return self._keras.ops.softmax(self._first(operation))

    def _squeeze(self, operation: Any) -> Any:
        return self._keras.ops.squeeze(self._first(operation), axis=1)


def _padding(operation: Any) -> str:
    """Returns the padding of a convolution or pooling in Keras's words."""
    attributes = operation.get_attributes()
    if str(attributes["auto_pad"]).startswith("same_upper"):
        return "same"
    if any([*attributes["pads_begin"], *attributes["pads_end"]]):
        raise NotImplementedError(f"padding {attributes} in Keras")
    return "valid"
