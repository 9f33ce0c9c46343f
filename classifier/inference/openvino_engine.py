"""Runs the network of models/base on the processor's cores, with OpenVINO.

An image's features are the same bits whatever the number of images in a call, of calls at once
and of cores (measured with OpenVINO 2026.4: benchmarks/engines.py).
"""

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

# Asked for nothing, OpenVINO picks bfloat16 on processors that have it: faster on few, less exact
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
# What OpenVINO does with NumPy's arrays is for one thread at a time: at its first use two at once
# wait for each other for ever, one with Python's lock, one with the lock of a C++ static
_LOCK = threading.Lock()


def openvino() -> Any:
    """Returns the library, kept from sending usage statistics at every import."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def write(network: Any, path: Path) -> None:
    """Writes the network to an .xml, and a .bin beside; their bytes depend on nothing else.

    The operations are named by their place, since OpenVINO numbers them on in a process.
    """
    for number, operation in enumerate(network.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    openvino().save_model(network, path, compress_to_fp16=False)


def size(network: Any) -> int:
    """Returns the bytes of its numbers."""
    constants = (one for one in network.get_ops() if one.get_type_name() == "Constant")
    return sum(one.get_byte_size() for one in constants)


class OpenvinoEngine:
    """The frozen network, ready to run.

    Args:
        network: in OpenVINO's form.
        threads: cores to use; 0: all.

    Attributes:
        concurrency: calls of `features` that run best at once.
        max_batch_size: images in a call; with more it is no faster (measured), but takes more memory.
    """

    max_batch_size = 4

    def __init__(self, network: Path, threads: int = 0) -> None:
        ov = openvino()
        settings = EXACT | ({"INFERENCE_NUM_THREADS": threads} if threads else {})
        self._network = ov.Core().compile_model(network, "CPU", settings)
        self.concurrency = int(self._network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._own = threading.local()

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns what the network makes of its input; may be called from several threads at once.

        Args:
            pixels: (N, ...), of the network's own dtype and shape: uint8 (N, H, W, 3), or maps.

        Returns:
            float32 (N, *feature_shape).
        """
        with _LOCK:
            if not hasattr(self._own, "request"):
                self._own.request = self._network.create_infer_request()
            request = self._own.request
            request.start_async([pixels])
        request.wait()
        with _LOCK:
            features: np.ndarray = request.get_output_tensor(0).data.copy()
        return features
