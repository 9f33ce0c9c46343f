"""Keras on TensorFlow: quiet, exact, and with the same result in every run.

Importing this costs 3 to 8 s, so modules do it inside the functions that need it.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what TensorFlow's C++ code writes to stderr while it loads, unless it fails."""
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _quiet():
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float32")  # whatever the user's ~/.keras/keras.json says
    keras.config.set_image_data_format("channels_last")
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for _gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(_gpu, True)
    tf.zeros(1)  # makes TensorFlow say now what it says at its first operation

__all__ = ["keras", "tf"]


def device() -> str:
    """Returns where the network runs: `GPU` where TensorFlow sees one, else `CPU`."""
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
