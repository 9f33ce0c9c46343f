"""What runs the network of models/base: uint8 pixels in, features out."""

from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np

from classifier.inference import base

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, Windows' below Linux, AMD's
PACKAGES = {"openvino": ("openvino",), "tensorflow": ("tensorflow", "keras")}


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        concurrency: calls of `features` that run best at once, each from a thread of its own.
        max_batch_size: images in a call; with more it is no faster.
    """

    concurrency: int
    max_batch_size: int

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features, float32 (N, *feature_shape), of uint8 pixels (N, H, W, 3).

        An image's features are the same bits whatever else is in the batch.
        """


def load(folder: Path, threads: int = 0) -> Engine:
    """Returns the network in the folder, on the engine it was frozen for.

    Args:
        folder: models/base.
        threads: processor cores to use; 0: all. TensorFlow takes what it finds.
    """
    if base.read_info(folder).engine == "openvino":
        from classifier.inference.openvino_engine import OpenvinoEngine

        return OpenvinoEngine(folder / base.NETWORK, threads)
    from classifier.inference.tensorflow_engine import TensorflowEngine

    return TensorflowEngine(folder)


def device(engine: str) -> str:
    """Returns where an engine runs: `CPU` or `GPU`.

    TensorFlow is asked only where a GPU's driver is, for its import takes seconds.
    """
    drivers = any(Path(driver).exists() for driver in GPU_DRIVERS) or _has("tensorflow-metal")
    if engine == "openvino" or not drivers:
        return "CPU"
    from classifier.inference import keras_backend

    return keras_backend.device()


def name(engine: str) -> str:
    """Returns what runs the network: libraries, versions and device."""
    versions = (f"{package} {metadata.version(package)}" for package in PACKAGES[engine])
    return f"{', '.join(versions)} on {device(engine)}"


def _has(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False
