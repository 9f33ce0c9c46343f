"""The frozen network, ready to run: uint8 pixels in, features out."""

from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np

from classifier.inference import base

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA, Windows (WSL), AMD
PACKAGES = {"openvino": ("openvino",), "tensorflow": ("tensorflow", "keras")}


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        concurrency: number of threads that should call `features` at the same time.
        max_batch_size: images per call; larger batches are no faster.
    """

    concurrency: int
    max_batch_size: int

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features, float32 (N, *feature_shape), of uint8 pixels (N, H, W, 3).

        An image's features have the same bits whatever the other images in the batch.
        """


def load(folder: Path, threads: int = 0) -> Engine:
    """Returns the network in models/base, on the engine it was frozen for.

    OpenVINO uses `threads` cores; 0: all. TensorFlow always uses all.
    """
    if base.read_info(folder).engine == "openvino":
        from classifier.inference.openvino_engine import OpenvinoEngine

        return OpenvinoEngine(folder / base.NETWORK, threads)
    from classifier.inference.tensorflow_engine import TensorflowEngine

    return TensorflowEngine(folder)


def device(engine: str) -> str:
    """Returns the device an engine runs on: `CPU` or `GPU`.

    Imports TensorFlow, which takes seconds, only if a GPU driver is present.
    """
    driver = any(Path(driver).exists() for driver in GPU_DRIVERS)
    if engine == "openvino" or not (driver or any(metadata.distributions(name="tensorflow-metal"))):
        return "CPU"
    from classifier.inference import keras_backend

    return keras_backend.device()


def runtime(engine: str) -> str:
    """Returns the libraries of an engine with their versions, and the device it runs on."""
    versions = (f"{package} {version(package)}" for package in PACKAGES[engine])
    return f"{', '.join(versions)} on {device(engine)}"


def version(package: str) -> str:
    """Returns the version of an installed package; `tensorflow-cpu` installs tensorflow too."""
    for name in (package, f"{package}-cpu"):
        for distribution in metadata.distributions(name=name):
            return distribution.version
    raise metadata.PackageNotFoundError(package)
