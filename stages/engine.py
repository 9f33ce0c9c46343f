"""Runs the network of models/base: uint8 pixels in, features out."""

import hashlib
from importlib import metadata
from pathlib import Path

import numpy as np

from stages import base, images
from stages.images import Pixels

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, Windows' below Linux, AMD's


def device() -> str:
    """Returns where the network runs, `CPU` or `GPU`; without TensorFlow where that is plain."""
    if not any(Path(driver).exists() for driver in GPU_DRIVERS) and not _has("tensorflow-metal"):
        return "CPU"
    from stages import backend

    return backend.device()


def name() -> str:
    """Returns what runs the network: libraries, versions and device."""
    versions = (f"{package} {metadata.version(package)}" for package in ("tensorflow", "keras"))
    return f"{', '.join(versions)} on {device()}"


def recipe() -> str:
    """Returns what else than models/base reaches the features: `name` and the code that runs it."""
    code = hashlib.sha256()
    for module in ("backend.py", "engine.py"):
        code.update((Path(__file__).parent / module).read_bytes().replace(b"\r\n", b"\n"))
    return f"{name()} {code.hexdigest()}"


def fingerprint(folder: Path) -> str:
    """Returns a SHA-256 of all between a picture's bytes and its features by the network there."""
    return base.fingerprint(folder, f"{images.recipe()} {recipe()}")


def _has(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


class Engine:
    """The frozen network, ready to run on TensorFlow."""

    def __init__(self, folder: Path) -> None:
        from stages.backend import keras, tf

        architecture = (folder / base.ARCHITECTURE).read_text(encoding="utf-8")
        model = keras.models.model_from_json(architecture)
        model.load_weights(folder / base.WEIGHTS)
        self._run = tf.function(lambda pixels: model(pixels, training=False), autograph=False)

    def features(self, pixels: Pixels, batch_size: int) -> np.ndarray:
        """Returns the features of the pictures, each independent of its neighbours.

        Every call runs the same shape, filled up with black: oneDNN gives a picture the same bits
        at every place of every batch of 2 or more, but others in a batch of 1.

        Args:
            pixels: uint8 (N, H, W, 3), N at most `batch_size`.
            batch_size: pictures in a run of the network.

        Returns:
            float32 (N, *feature_shape).
        """
        filled = np.zeros((max(batch_size, 2), *pixels.shape[1:]), np.uint8)
        filled[: len(pixels)] = pixels
        features: np.ndarray = self._run(filled).numpy()
        return features[: len(pixels)]
