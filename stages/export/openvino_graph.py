"""What the translators of OpenVINO models have in common: reading a model's operations."""

from typing import Any

import numpy as np

LEVELS = 256  # of quantized activations


def number_operations(model: Any) -> list[Any]:
    """Returns the operations, inputs first, each with a name of its own."""
    operations = model.get_ordered_ops()
    for number, operation in enumerate(operations):
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    return list(operations)


def key(output: Any) -> tuple[str, int]:
    """Returns what an output is known by, after `number_operations`."""
    return output.get_node().get_friendly_name(), output.get_index()


def constant(operation: Any, number: int) -> np.ndarray:
    """Returns an input that is a constant."""
    return np.array(operation.input_value(number).get_node().data)


def is_constant(output: Any) -> bool:
    """Tells whether an output is a constant."""
    return bool(output.get_node().get_type_name() == "Constant")


def bias(operation: Any) -> tuple[Any, np.ndarray | None]:
    """Returns the output of a convolution or product with its bias added, and the bias, 1-D.

    The bias is None, and the output its own, if nothing constant is added to it.
    """
    result = operation.output(0)
    users = list(result.get_target_inputs())
    if len(users) != 1 or (add := users[0].get_node()).get_type_name() != "Add":
        return result, None
    place = next((place for place in (0, 1) if is_constant(add.input_value(place))), None)
    return (result, None) if place is None else (add.output(0), constant(add, place).ravel())


def quantized_weights(multiply: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns int8 weights and their scale, float32 (out,), if that is what is multiplied."""
    convert = multiply.input_value(0).get_node()
    if convert.get_type_name() != "Convert" or not is_constant(convert.input_value(0)):
        return None
    weights = constant(convert, 0)
    if weights.dtype != np.int8:
        return None
    return weights, np.broadcast_to(constant(multiply, 1).ravel(), len(weights))


def activation_range(fake_quantize: Any) -> tuple[float, float]:
    """Returns the lowest and the highest of the LEVELS values that activations are rounded to.

    Raises:
        NotImplementedError: it is a quantization that no other format knows.
    """
    ranges = [constant(fake_quantize, number).ravel() for number in range(1, 5)]
    levels = fake_quantize.get_attributes()["levels"]
    low, high, *outputs = (float(values[0]) for values in ranges)
    if levels != LEVELS or [low, high] != outputs or any(len(values) > 1 for values in ranges):
        raise NotImplementedError(f"a range of {levels} levels from {ranges}")
    return low, high
