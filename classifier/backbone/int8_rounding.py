"""Makes an int8 network compute the same integers in every runtime and on every processor.

A quantized layer multiplies a sum of integers N by its multiplier (the steps of inputs and weights
by that of the output) and rounds the product. Runtimes compute it with errors of their own, and a
few values rounded the other way change the features by 1.5 %. Here every multiplier becomes a
fraction a / p with an odd p: 2 a N is even and p (2 k + 1) odd, so a N / p is at least 1 / (2 p)
away from any k + 1/2. Biases become whole steps, as integer runtimes have them.
"""

from typing import Any

import numpy as np

from classifier.inference.openvino_engine import openvino

MAX_DIVISOR = 8191  # 1 / (2 p) is then above the float32 errors of a level, up to 255 * 2**-23
TOLERANCE = 1e-3  # relative; far below the error of int8 weights
POOLED = 4  # averages of 4, 6 and 9 integers have no ties if a is a multiple of it


def align(network: Any) -> None:
    """Changes the scales of a network that NNCF quantized, by 0.1 % at most, and rounds its biases.

    Left as they are: layers of another form, and channels whose multipliers are below 1 / 8191.
    """
    steps: dict[str, float] = {}  # between levels of activations, by operation
    for operation in network.get_ordered_ops():
        kind, sources = operation.get_type_name(), _sources(operation)
        if kind == "FakeQuantize":
            step = (_number(sources[2]) - _number(sources[1])) / 255
            if sources[0].get_type_name() == "AvgPool":
                step = _align_average(operation, _step(steps, sources[0]), step)
            elif sources[0].get_type_name() == "Relu":
                _align_convolution(sources[0], steps, step)
            steps[operation.get_friendly_name()] = step
        elif kind in ("MaxPool", "Concat"):
            found = {steps.get(source.get_friendly_name()) for source in sources}
            if len(found) == 1 and (same := found.pop()):
                steps[operation.get_friendly_name()] = same


def odd_fractions(values: np.ndarray, factor: int = 1) -> np.ndarray:
    """Returns the fractions a / p nearest to positive values, (n,), with the least odd p.

    `a` is a multiple of `factor`. Values without such a fraction within the tolerance stay.
    """
    divisors = np.arange(1, MAX_DIVISOR + 1, 2)
    fractions = np.round(values[:, None] * divisors / factor) * factor / divisors
    near = np.abs(fractions / values[:, None] - 1) <= TOLERANCE
    first = fractions[np.arange(len(values)), near.argmax(axis=1)]
    return np.where(near.any(axis=1), first, values)


def _align_average(operation: Any, inputs: float | None, step: float) -> float:
    """Changes the range that averages are rounded to and returns the step."""
    if inputs is None:
        return step
    step = inputs / float(odd_fractions(np.array([inputs / step]), POOLED)[0])
    for place in (2, 4):  # the upper ends; the lower are 0
        _replace(operation, place, np.full_like(_sources(operation)[place].data, 255 * step))
    return step


def _align_convolution(relu: Any, steps: dict[str, float], step: float) -> None:
    """Changes the scales and biases of the convolution before an activation with this step."""
    add = relu.input_value(0).get_node()
    convolution = add.input_value(0).get_node()
    if [add.get_type_name(), convolution.get_type_name()] != ["Add", "Convolution"]:
        return
    inputs, weights = _step(steps, convolution), convolution.input_value(1).get_node()
    if inputs is None or weights.get_type_name() != "Multiply":
        return
    scale, bias = (_sources(one)[1].data for one in (weights, add))
    multipliers = odd_fractions(scale.ravel().astype(np.float64) * inputs / step)
    units = multipliers.reshape(bias.shape) * step
    _replace(weights, 1, (multipliers * step / inputs).reshape(scale.shape))
    _replace(add, 1, np.round(bias / units) * units)


def _sources(operation: Any) -> list[Any]:
    return [value.get_node() for value in operation.input_values()]


def _number(constant: Any) -> float:
    return float(constant.data.flat[0])


def _step(steps: dict[str, float], operation: Any) -> float | None:
    """Returns the step of an operation's first input, if that is quantized."""
    return steps.get(_sources(operation)[0].get_friendly_name())


def _replace(operation: Any, place: int, values: np.ndarray) -> None:
    constant = openvino().opset13.constant(values.astype(np.float32))
    operation.input(place).replace_source_output(constant.output(0))
