"""What runs the network of models/base: uint8 pixels in, features out."""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np

from stages import base, images
from stages.images import Pixels

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, Windows' below Linux, AMD's
PACKAGES = {"openvino": ("openvino",), "tensorflow": ("tensorflow", "keras")}
MODULES = {"openvino": ("openvino_engine",), "tensorflow": ("tensorflow_engine", "backend")}


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        requests: calls of `features` that run best at once, each from a thread of its own.
        enough: pictures in a call; with more it is no faster.
    """

    requests: int
    enough: int

    def features(self, pixels: Pixels) -> np.ndarray:
        """Returns the features, float32 (N, *feature_shape), of uint8 pixels (N, H, W, 3).

        A picture's features are the same bits whatever else is in the batch.
        """


def load(folder: Path, threads: int = 0) -> Engine:
    """Returns the network in the folder, on the engine it was frozen for.

    Args:
        folder: models/base.
        threads: processor cores to use; 0: all. TensorFlow takes what it finds.
    """
    if base.read_about(folder).engine == "openvino":
        from stages.openvino_engine import OpenvinoEngine

        return OpenvinoEngine(folder / base.NETWORK, threads)
    from stages.tensorflow_engine import TensorflowEngine

    return TensorflowEngine(folder)


def device(engine: str) -> str:
    """Returns where an engine runs: `CPU` or `GPU`.

    TensorFlow is asked only where a GPU's driver is, for its import takes seconds.
    """
    drivers = any(Path(driver).exists() for driver in GPU_DRIVERS) or _has("tensorflow-metal")
    if engine == "openvino" or not drivers:
        return "CPU"
    from stages import backend

    return backend.device()


def name(engine: str) -> str:
    """Returns what runs the network: libraries, versions and device."""
    versions = (f"{package} {metadata.version(package)}" for package in PACKAGES[engine])
    return f"{', '.join(versions)} on {device(engine)}"


def recipe(engine: str) -> str:
    """Returns what else than models/base reaches the features: `name` and the code that runs it."""
    code = hashlib.sha256()
    for module in MODULES[engine]:
        source = (Path(__file__).parent / f"{module}.py").read_bytes()
        code.update(source.replace(b"\r\n", b"\n"))
    return f"{name(engine)} {code.hexdigest()}"


def fingerprint(folder: Path) -> str:
    """Returns a SHA-256 of all between a picture's bytes and its features by the network there."""
    engine = base.read_about(folder).engine
    return base.fingerprint(folder, f"{images.recipe()} {recipe(engine)}")


def _has(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False
