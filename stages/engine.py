"""Runs the network of models/base: uint8 pixels in, features out."""

from pathlib import Path

import numpy as np

from stages import base
from stages.images import Pixels


class Engine:
    """The frozen network, ready to run on TensorFlow.

    Attributes:
        device: where it runs, `CPU` or `GPU`.
        dimensions: shape of one picture's features.
        name: what else than models/base could reach the features: library and version.
    """

    def __init__(self, folder: Path) -> None:
        from stages.backend import device, keras, tf

        architecture = (folder / base.ARCHITECTURE).read_text(encoding="utf-8")
        model = keras.models.model_from_json(architecture)
        model.load_weights(folder / base.WEIGHTS)
        self.device = device()
        self.dimensions: tuple[int, ...] = model.output_shape[1:]
        self.name = f"tensorflow {tf.__version__} {self.device}"
        self._run = tf.function(lambda pixels: model(pixels, training=False), autograph=False)

    def features(self, pixels: Pixels, batch_size: int) -> np.ndarray:
        """Returns the features of the pictures, each independent of its neighbours.

        Every call runs the same shape, filled up with black: oneDNN gives a picture the same bits
        at every place of every batch of 2 or more, but others in a batch of 1.

        Args:
            pixels: uint8 (N, H, W, 3), N at most `batch_size`.
            batch_size: pictures in a run of the network.

        Returns:
            float32 (N, *dimensions).
        """
        filled = np.zeros((max(batch_size, 2), *pixels.shape[1:]), np.uint8)
        filled[: len(pixels)] = pixels
        features: np.ndarray = self._run(filled).numpy()
        return features[: len(pixels)]
