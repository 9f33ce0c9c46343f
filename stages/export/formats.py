"""The files of the exported classifier, in the forms of other programs."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.backbone import calibration_images
from classifier.inference import openvino_engine
from stages.export import resize_ops

if TYPE_CHECKING:
    import keras

CALIBRATION = 100  # drawn images that TFLite's int8 is calibrated on


def write_openvino(model: Any, folder: Path) -> None:
    """Writes model.xml and model.bin."""
    folder.mkdir()
    openvino_engine.write(model, folder / "model.xml")


def write_keras(model: "keras.Model", path: Path) -> None:
    """Writes a .keras file."""
    model.save(path)


def write_saved_model(model: "keras.Model", folder: Path) -> None:
    """Writes a SavedModel with the signatures `pixels`, and `serve` for files' bytes.

    Args:
        model: of images of the network's size.
        folder: to make.
    """
    from classifier.inference.keras_backend import tf

    height, width = model.input_shape[1:3]

    def decoded(data: Any) -> Any:
        pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
        pixels.set_shape((None, None, 3))
        return resize_ops.tensorflow_resized(pixels[None], height, width)[0]

    def serve(images: Any) -> Any:
        images = tf.map_fn(decoded, images, fn_output_signature=tf.float32)
        return {"probabilities": model(images, training=False)}

    def of_pixels(pixels: Any) -> Any:
        images = resize_ops.tensorflow_resized(pixels, height, width)
        return {"probabilities": model(images, training=False)}

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


def _any_size(tf: Any) -> Any:
    return tf.TensorSpec((None, None, None, 3), tf.uint8, name="pixels")


def write_onnx(model: "keras.Model", path: Path, class_names: tuple[str, ...]) -> None:
    """Writes an .onnx file with the class names in its metadata, as a JSON list `labels`.

    Args:
        model: of images of the network's size.
        path: of the file, which takes images of any size.
        class_names: in the order of the probabilities.
    """
    import onnx
    import tf2onnx

    from classifier.inference.keras_backend import tf

    height, width = model.input_shape[1:3]

    def whole(pixels: Any) -> Any:
        images = resize_ops.tensorflow_resized(pixels, height, width)
        return {"probabilities": model(images, training=False)}

    with hushed():
        run = tf.function(whole, [_any_size(tf)], autograph=False)
        found, _ = tf2onnx.convert.from_function(run, run.input_signature, opset=18)
    onnx.helper.set_model_props(found, {"labels": json.dumps(class_names)})
    onnx.save(found, path)


def write_tflite(model: "keras.Model", path: Path, int8: bool) -> None:
    """Writes a .tflite file.

    Args:
        model: of images of the network's size: of uint8 pixels, or for int8 of float32 ones.
        path: of the file.
        int8: weights and activations in 8 bits, calibrated on drawn images.
    """
    from classifier.inference.keras_backend import tf

    with hushed():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if int8:
            size = model.input_shape[1:3]

            def images() -> Iterator[list[np.ndarray]]:
                for number in range(CALIBRATION):
                    yield [calibration_images.draw_image(number, *size)[None].astype(np.float32)]

            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = images
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
