"""The whole classifier, from uint8 pixels to probabilities, in the forms of other programs."""

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

from stages import base, ir, leaves, network, openvino_engine
from stages.base import Base
from stages.head import Head
from stages.openvino_engine import openvino

if TYPE_CHECKING:
    import keras

CALIBRATION = 100  # drawn pictures that TFLite's int8 is calibrated on
DATE = (1980, 1, 1, 0, 0, 0)  # of what is in a .keras file, whatever the clock says


def openvino_model(folder: Path, about: Base, head: Head, weights: Path) -> Any:
    """Returns the classifier as OpenVINO's: the very network that `predict` is computed with.

    Pictures of any size are resized by the filter that `extract` uses, Pillow's bilinear one. The
    class names are its `rt_info`, `model_info/labels`.

    Args:
        folder: models/base.
        about: what it is.
        head: the top layers.
        weights: models/pretrained.h5, for a base that was frozen for TensorFlow.
    """
    ov = openvino()
    if about.engine == "openvino":
        whole = ov.Core().read_model(folder / base.NETWORK)
    else:
        whole = ir.convert(
            network.with_scaling(network.fold_batch_norm(network.inception(weights, about)[0]))
        )
    steps = ov.preprocess.PrePostProcessor(whole)
    taken = steps.input()
    taken.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    taken.tensor().set_spatial_dynamic_shape()
    taken.model().set_layout(ov.Layout("NHWC"))
    taken.preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_BILINEAR_PILLOW)
    whole = steps.build()
    result = _with_head(ov, whole.get_results()[0].input_value(0), head)
    result.get_node().set_friendly_name("probabilities")
    found = ov.Model([result], whole.get_parameters(), "classifier")
    found.set_rt_info(list(head.about.class_names), ["model_info", "labels"])
    return found


def _with_head(ov: Any, features: Any, head: Head) -> Any:
    """Returns the probabilities that the head makes of features, as an output of OpenVINO's."""
    ops = ov.opset13
    if head.network:
        top = ov.Core().read_model(head.network)
        maps = ops.convert(features, "f16").output(0)
        top.get_parameters()[0].output(0).replace(maps)
        features = top.get_results()[0].input_value(0)
    for kernel, bias, activation in head.layers:
        values = ops.matmul(features, np.float32(kernel), False, False)
        values = ops.add(values, np.float32(bias))
        values = ops.relu(values) if activation == "relu" else ops.softmax(values, 1)
        features = values.output(0)
    return features


def to_vectors(about: Base, head: Head, weights: Path) -> "keras.Model":
    """Returns all before the head in Keras's float32, from [-1, 1]; learned blocks among it."""
    from stages.backend import keras

    model, top = network.inception(weights, about)
    model = network.fold_batch_norm(model)
    if not top:
        return model
    if head.top_weights:
        top.load_weights(head.top_weights)
    return keras.Model(model.inputs[0], network.fold_batch_norm(top)(model.outputs[0]))


def keras_model(about: Base, head: Head, weights: Path) -> "keras.Model":
    """Returns the classifier as Keras's, in float32: uint8 pictures (N, H, W, 3) of any size.

    They are resized by TensorFlow's antialiased bilinear filter.
    """
    from stages.backend import keras

    model = to_vectors(about, head, weights)
    pixels = keras.Input((None, None, 3), dtype="uint8", name="pixels")
    size = about.image_height, about.image_width
    resize = keras.layers.Resizing(*size, antialias=True, name="resized")
    return keras.Model(pixels, _behind(resize(pixels), model, head), name="classifier")


def sized_model(about: Base, head: Head, weights: Path, dtype: str) -> "keras.Model":
    """Returns the classifier for pictures of the network's own size, resized beforehand.

    Args:
        about: the base.
        head: the top layers.
        weights: models/pretrained.h5.
        dtype: of the pixels, 0 to 255.
    """
    from stages.backend import keras

    model = to_vectors(about, head, weights)
    pixels = keras.Input(model.input_shape[1:], dtype=dtype, name="pixels")
    return keras.Model(pixels, _behind(pixels, model, head), name="classifier")


def _behind(pixels: Any, model: "keras.Model", head: Head) -> Any:
    """Returns the probabilities of resized pixels, 0 to 255."""
    from stages.backend import keras

    values = model(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaled")(pixels))
    for number, (kernel, bias, activation) in enumerate(head.layers):
        name = "probabilities" if activation == "softmax" else f"hidden_{number}"
        layer = keras.layers.Dense(kernel.shape[1], activation=activation, name=name)
        values = layer(values)
        layer.set_weights([np.float32(kernel), np.float32(bias)])
    return values


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


def write_saved_model(model: "keras.Model", folder: Path, size: tuple[int, int]) -> None:
    """Writes a SavedModel with the signatures `pixels`, and `serve` for files' bytes.

    Args:
        model: of pictures of any size.
        folder: to make.
        size: height and width to which files are resized, in pixels.
    """
    from stages.backend import keras, tf

    def decoded(data: Any) -> Any:
        pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
        pixels.set_shape((None, None, 3))
        small = tf.image.resize(pixels, size, antialias=True)
        return tf.cast(tf.round(small), tf.uint8)

    def serve(images: Any) -> Any:
        pictures = tf.map_fn(decoded, images, fn_output_signature=tf.uint8)
        return {"probabilities": model(pictures, training=False)}

    def of_pixels(pixels: Any) -> Any:
        return {"probabilities": model(pixels, training=False)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    taken = [tf.TensorSpec((None,), tf.string, name="images")]
    archive.add_endpoint("serve", serve, input_signature=taken)
    taken = [tf.TensorSpec((None, None, None, 3), tf.uint8, name="pixels")]
    archive.add_endpoint("pixels", of_pixels, input_signature=taken)
    with hushed():
        archive.write_out(str(folder), verbose=False)


def write_onnx(model: "keras.Model", path: Path, class_names: tuple[str, ...]) -> None:
    """Writes an .onnx file with the class names in its metadata, as a JSON list `labels`."""
    with hushed():
        model(np.zeros((1, *model.input_shape[1:]), np.uint8))  # Keras wants it called before
        model.export(str(path), format="onnx", verbose=False)
    import onnx

    found = onnx.load(path)
    onnx.helper.set_model_props(found, {"labels": json.dumps(class_names)})
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
