"""Runs the frozen network on the CPU with OpenVINO.

An image's features have the same bits whatever the batch size, the number of concurrent calls
and the number of cores (OpenVINO 2026.4; tests/inference/test_engine.py).
"""

import errno
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from classifier.common import cores

# By default OpenVINO picks bfloat16 on processors that have it: faster there, but less exact
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
# It ties each thread to a core, in every process to the same ones: two processes would share a core
SOME_CORES = {"ENABLE_CPU_PINNING": False}
# OpenVINO's conversion of NumPy arrays is not thread-safe: on first use two threads can deadlock,
# one holding Python's lock and waiting for a C++ static, the other the reverse
_LOCK = threading.Lock()
CONVERTER = "openvino.tools.ovc"


def openvino() -> Any:
    """Returns the library, kept from sending usage statistics at every import.

    Its converter is not imported with it, which would take longer than all else; `converter` does.
    """
    if "openvino" not in sys.modules:
        for name in ("openvino_telemetry", CONVERTER):
            sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import openvino

    if sys.modules.get(CONVERTER, openvino) is None:
        del sys.modules[CONVERTER]
    return openvino


def converter() -> Callable[[Path], Any]:
    """Returns the function that makes an OpenVINO model of another program's file."""
    openvino()
    from openvino.tools.ovc import convert_model

    return convert_model


def write(network: Any, path: Path) -> None:
    """Writes the network to an .xml file and a .bin file; their bytes depend on it alone.

    Operations are renamed by position, because OpenVINO numbers them through a whole process.
    """
    for number, operation in enumerate(network.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    try:
        openvino().save_model(network, path, compress_to_fp16=False)
    except RuntimeError as error:
        if "iostream error" not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error


class OpenvinoEngine:
    """A network, on `threads` cores (0: all); see `engine.Engine`.

    Args:
        network: an .xml file, or an OpenVINO model.
        threads: number of cores.
    """

    max_batch_size = 4

    def __init__(self, network: Path | Any, threads: int = 0) -> None:
        ov = openvino()
        threads = threads or cores.limit()
        config = EXACT | (SOME_CORES | {"INFERENCE_NUM_THREADS": threads} if threads else {})
        self._network = ov.Core().compile_model(network, "CPU", config)
        self.concurrency = int(self._network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._outputs = range(len(self._network.outputs))
        self._local = threading.local()

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the network's output, float32; several outputs are columns side by side."""
        outputs = self.outputs(pixels)
        return np.column_stack(outputs) if outputs[1:] else outputs[0]

    def outputs(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Returns each output of the network; may be called from several threads at once.

        The upper blocks take float16 maps (N, h, w, c) instead of pixels.
        """
        with _LOCK:
            if not hasattr(self._local, "request"):
                self._local.request = self._network.create_infer_request()
            request = self._local.request
            request.start_async([pixels])
        request.wait()
        with _LOCK:
            return [request.get_output_tensor(number).data.copy() for number in self._outputs]
