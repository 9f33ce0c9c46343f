"""Keras on TensorFlow: quiet, deterministic and without TensorFloat-32.

Importing this module takes 3 to 8 s, so others import it inside the functions that need it.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier.common import cores, files, hdf5


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what TensorFlow's C++ code writes to stderr while it loads, unless loading fails."""
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if cores.limit():
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cores.limit()))
with _quiet():
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float32")  # whatever the user's ~/.keras/keras.json says
    keras.config.set_image_data_format("channels_last")
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for _gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(_gpu, True)
    tf.zeros(1)  # the messages of the first operation come here too

__all__ = ["keras", "tf"]


def device() -> str:
    """Returns where TensorFlow runs: `GPU` if it sees one, else `CPU`."""
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"


def write_model(model: "keras.Model", architecture: Path, weights: Path) -> None:
    """Writes a model as JSON and .weights.h5, whose bytes depend on the model alone."""
    files.write_json(architecture, json.loads(model.to_json()))
    model.save_weights(weights)


def load_weights(model: "keras.Model", weights: Path) -> None:
    """Sets the weights of a model to those in a file, which must contain them all."""
    hdf5.require_self_contained(weights)
    model.load_weights(weights)


def read_model(architecture: Path, weights: Path) -> "keras.Model":
    """Returns a model written by `write_model`."""
    model = keras.models.model_from_json(architecture.read_text(encoding="utf-8"))
    load_weights(model, weights)
    return model
