"""Runs the frozen network with TensorFlow: on a GPU if there is one."""

from pathlib import Path

import numpy as np

from classifier.inference import base

# All batches have one size, since an image's last bits depend on it: on a CPU with AVX2 (and on
# the position in the batch), and on an H100, where cuDNN's algorithm changes at 32 and at 128.
# Larger batches are no faster on a CPU.
GPU_BATCH_SIZE = 16  # what `extract` runs at once with the default extract.batch_size


class TensorflowEngine:
    """The network in models/base; see `engine.Engine`."""

    concurrency = 1

    def __init__(self, folder: Path) -> None:
        from classifier.inference.keras_backend import device, read_model, tf

        model = read_model(folder / base.ARCHITECTURE, folder / base.WEIGHTS)
        self._run = tf.function(lambda pixels: model(pixels, training=False), autograph=False)
        self.max_batch_size = GPU_BATCH_SIZE if device() == "GPU" else 1

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features of the images, each independent of the others."""
        size = self.max_batch_size
        batches = [pixels[first : first + size] for first in range(0, len(pixels), size)]
        return np.concatenate([self._batch(batch) for batch in batches])

    def _batch(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features of a batch, which is filled up with black images."""
        padded = np.zeros((self.max_batch_size, *pixels.shape[1:]), np.uint8)
        padded[: len(pixels)] = pixels
        features: np.ndarray = self._run(padded).numpy()
        return features[: len(pixels)]
