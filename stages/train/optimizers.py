"""The optimizers that params.yaml may name."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import keras

# classes of keras.optimizers, in lower case; to add one, name it here and in params.yaml
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]


def build(name: str, learning_rate: float, momentum: float = 0.0) -> "keras.optimizers.Optimizer":
    """Returns a Keras optimizer.

    Args:
        name: one of Optimizer.
        learning_rate: more than 0.
        momentum: of sgd; 0 for every other optimizer.
    """
    from classifier.inference.keras_backend import keras

    config = {"learning_rate": learning_rate} | ({"momentum": momentum} if momentum else {})
    return keras.optimizers.get({"class_name": name, "config": config})
