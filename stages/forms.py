"""The files of the exported classifier, in the forms of other programs."""

import contextlib
import io
import json
import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages import leaves, onnx_graph, openvino_engine, resizing

if TYPE_CHECKING:
    import keras

CALIBRATION = 100  # drawn pictures that TFLite's int8 is calibrated on
DATE = (1980, 1, 1, 0, 0, 0)  # of what is in a .keras file, whatever the clock says


def write_openvino(model: Any, folder: Path) -> None:
    """Writes model.xml and model.bin."""
    folder.mkdir()
    openvino_engine.write(model, folder / "model.xml")


def write_keras(model: "keras.Model", path: Path) -> None:
    """Writes a .keras file, whose bytes depend on nothing but the model.

    Keras itself writes the time, and where its objects lie in memory.
    """
    held = path.with_name(f"held.{path.name}")
    model.save(held)
    with zipfile.ZipFile(held) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                about = json.loads(content) | {"date_saved": "1980-01-01@00:00:00"}
                content = json.dumps(about).encode()
            if name == "config.json":
                content = renumbered(content)
            target.writestr(zipfile.ZipInfo(name, DATE), content)
    held.unlink()


def renumbered(config: bytes) -> bytes:
    """Returns Keras's config with objects numbered from 1, and not by their place in memory."""
    numbers: dict[bytes, int] = {}

    def number(found: re.Match[bytes]) -> bytes:
        place = numbers.setdefault(found[2], len(numbers) + 1)
        return found[1] + str(place).encode()

    return re.sub(rb'("shared_object_id": )(\d+)', number, config)


def write_saved_model(model: "keras.Model", folder: Path) -> None:
    """Writes a SavedModel with the signatures `pixels`, and `serve` for files' bytes.

    Args:
        model: of pictures of the network's size.
        folder: to make.
    """
    from stages.backend import tf

    height, width = model.input_shape[1:3]

    def decoded(data: Any) -> Any:
        pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
        pixels.set_shape((None, None, 3))
        return resizing.tensorflow_resized(pixels[None], height, width)[0]

    def serve(images: Any) -> Any:
        pictures = tf.map_fn(decoded, images, fn_output_signature=tf.float32)
        return {"probabilities": model(pictures, training=False)}

    def of_pixels(pixels: Any) -> Any:
        pictures = resizing.tensorflow_resized(pixels, height, width)
        return {"probabilities": model(pictures, training=False)}

    whole = tf.Module()  # Keras's own ExportArchive would write all weights twice
    whole.weights = [variable.value for variable in model.variables]
    files = tf.TensorSpec((None,), tf.string, name="images")
    signatures = {
        "serve": tf.function(serve, [files], autograph=False),
        "pixels": tf.function(of_pixels, [_any_size(tf)], autograph=False),
    }
    signatures["serving_default"] = signatures["serve"]
    with hushed():
        tf.saved_model.save(whole, str(folder), signatures)
    fix_fingerprint(folder / "fingerprint.pb")


def fix_fingerprint(path: Path) -> None:
    """Makes of the random number in it one of the contents."""
    from tensorflow.core.protobuf import fingerprint_pb2

    found = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    found.uuid = str(found.saved_model_checksum)
    path.write_bytes(found.SerializeToString(deterministic=True))


def _any_size(tf: Any) -> Any:
    return tf.TensorSpec((None, None, None, 3), tf.uint8, name="pixels")


def write_onnx(model: "keras.Model", path: Path, class_names: tuple[str, ...]) -> None:
    """Writes an .onnx file with the class names in its metadata, as a JSON list `labels`.

    Args:
        model: of pictures of the network's size.
        path: of the file, which takes pictures of any size.
        class_names: in the order of the probabilities.
    """
    import onnx
    import tf2onnx

    from stages.backend import tf

    height, width = model.input_shape[1:3]

    def whole(pixels: Any) -> Any:
        pictures = resizing.tensorflow_resized(pixels, height, width)
        return {"probabilities": model(pictures, training=False)}

    with hushed():
        run = tf.function(whole, [_any_size(tf)], autograph=False)
        found, _ = tf2onnx.convert.from_function(run, run.input_signature, opset=18)
    onnx.helper.set_model_props(found, {"labels": json.dumps(class_names)})
    onnx_graph.put_in_order(found.graph)
    onnx.save(found, path)


def write_tflite(model: "keras.Model", path: Path, int8: bool) -> None:
    """Writes a .tflite file.

    Args:
        model: of pictures of the network's size: of uint8 pixels, or for int8 of float32 ones.
        path: of the file.
        int8: weights and activations in 8 bits, calibrated on drawn pictures.
    """
    from stages.backend import tf

    with hushed():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if int8:
            size = model.input_shape[1:3]

            def pictures() -> Iterator[list[np.ndarray]]:
                for number in range(CALIBRATION):
                    yield [leaves.draw(number, *size)[None].astype(np.float32)]

            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = pictures
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
        path.write_bytes(converter.convert())


@contextmanager
def hushed() -> Iterator[None]:
    """Keeps back what the converters say of themselves."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
