"""The maps of the frozen network whose averages are the features."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from classifier.inference import base, openvino_engine
from classifier.inference.openvino_engine import OpenvinoEngine

MapsFunction = Callable[[np.ndarray], list[np.ndarray]]


def load(folder: Path) -> MapsFunction:
    """Returns a function from images to the maps of each layer of models/base.

    It takes uint8 pixels (N, H, W, 3) and returns float32 (N, h, w, c) for each layer, in network
    order. With pooling `avg`, the averages over these maps are the features, side by side.
    """
    if base.read_info(folder).engine == "openvino":
        return of_openvino(folder / base.NETWORK)
    return _of_keras(folder)


def of_openvino(path: Path) -> MapsFunction:
    """Returns a function from the input of a network to the maps whose averages it returns.

    The network is read now, and compiled when the function is first called.
    """
    ov = openvino_engine.openvino()
    network = ov.Core().read_model(path)
    last = network.get_results()[0].input_value(0).get_node()
    single = last.get_type_name() == "ReduceMean"
    means = [last] if single else [one.get_node() for one in last.input_values()]
    channels_first = means[0].input_value(1).get_node().get_data().tolist() == [2, 3]
    of_maps = ov.Model([mean.input_value(0) for mean in means], network.get_parameters())
    engine = cache(lambda: OpenvinoEngine(of_maps))

    def maps(inputs: np.ndarray) -> list[np.ndarray]:
        outputs = engine().outputs(inputs)
        return [np.moveaxis(one, 1, 3) for one in outputs] if channels_first else outputs

    return maps


def _of_keras(folder: Path) -> MapsFunction:
    from classifier.inference.keras_backend import keras, read_model

    model = read_model(folder / base.ARCHITECTURE, folder / base.WEIGHTS)
    rescaling, network = model.layers[1:]
    last = network.outputs[0]._keras_history.operation
    single = isinstance(last, keras.layers.GlobalAveragePooling2D)
    means = [last] if single else [one._keras_history.operation for one in last.input]
    of_maps = keras.Model(network.inputs[0], [mean.input for mean in means])

    def maps(pixels: np.ndarray) -> list[np.ndarray]:
        images = [of_maps(rescaling(image[None]), training=False) for image in pixels]
        layers = [
            keras.tree.flatten(image) for image in images
        ]  # of one layer, Keras makes no list
        return [np.concatenate(layer) for layer in zip(*layers, strict=True)]

    return maps
