"""The layers that `train` may put on the features; each ends in class probabilities.

A head is a Keras Sequential of Dense layers with activations of `classifier.head.ACTIVATIONS`;
layers without weights, like Dropout, act in training alone.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stages.train.params import Params

if TYPE_CHECKING:
    import keras


def dense(n_features: int, n_classes: int, settings: Params) -> "keras.Model":
    """Returns an untrained head: Dense(hidden_units, relu), Dropout, Dense(n_classes, softmax).

    Without hidden units it is the last layer alone, which is logistic regression.
    """
    from classifier.inference.keras_backend import keras

    layers = [keras.Input((n_features,), name="features")]
    if settings.hidden_units:
        layers.append(keras.layers.Dense(settings.hidden_units, activation="relu", name="hidden"))
        layers.append(keras.layers.Dropout(settings.dropout, name="dropout"))
    layers.append(keras.layers.Dense(n_classes, activation="softmax", name="probabilities"))
    return keras.Sequential(layers, name="head")


HEADS: dict[str, Callable[[int, int, Params], "keras.Model"]] = {"dense": dense}
