"""Runs the network of models/base with TensorFlow: on a GPU where there is one."""

from pathlib import Path

import numpy as np

from classifier.inference import base


class TensorflowEngine:
    """The frozen network, ready to run.

    Args:
        folder: models/base.

    Attributes:
        concurrency: calls of `features` that run best at once.
        max_batch_size: images in a call; with more it is no faster.
    """

    concurrency = 1
    max_batch_size = 1024

    def __init__(self, folder: Path) -> None:
        from classifier.inference.keras_backend import keras, tf

        architecture = (folder / base.ARCHITECTURE).read_text(encoding="utf-8")
        model = keras.models.model_from_json(architecture)
        model.load_weights(folder / base.WEIGHTS)
        self._run = tf.function(lambda pixels: model(pixels, training=False), autograph=False)

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features of the images, each independent of its neighbours.

        The batch is filled up with black to a power of two of 2 or more: oneDNN gives an image
        the same bits at every place of every such batch, but others in a batch of 1; and the
        network is built anew for every size it meets.

        Args:
            pixels: uint8 (N, H, W, 3).

        Returns:
            float32 (N, *feature_shape).
        """
        size = max(2, 1 << (len(pixels) - 1).bit_length())
        filled = np.zeros((size, *pixels.shape[1:]), np.uint8)
        filled[: len(pixels)] = pixels
        features: np.ndarray = self._run(filled).numpy()
        return features[: len(pixels)]
