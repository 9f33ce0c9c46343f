"""Runs the frozen network with TensorFlow: on a GPU if there is one."""

from pathlib import Path

import numpy as np

from classifier.inference import base


class TensorflowEngine:
    """The network in models/base; see `engine.Engine`."""

    concurrency = 1

    def __init__(self, folder: Path) -> None:
        from classifier.inference.keras_backend import device, read_model, tf

        model = read_model(folder / base.ARCHITECTURE, folder / base.WEIGHTS)
        self._run = tf.function(lambda pixels: model(pixels, training=False), autograph=False)
        self.max_batch_size = 1024 if device() == "GPU" else 1

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features of the images, each independent of the others.

        On a CPU images run one at a time: in larger batches an image's last bits depend on the
        batch size and on its position (TensorFlow 2.21 on a CPU with AVX2), and larger batches
        are no faster. On a GPU the batch is padded with black images to a power of two, because
        TensorFlow traces the network once per batch size.
        """
        if self.max_batch_size == 1:
            return np.concatenate([self._run(image[None]).numpy() for image in pixels])
        size = max(2, 1 << (len(pixels) - 1).bit_length())
        padded = np.zeros((size, *pixels.shape[1:]), np.uint8)
        padded[: len(pixels)] = pixels
        features: np.ndarray = self._run(padded).numpy()
        return features[: len(pixels)]
