"""TensorFlow Lite, in float32 and in int8."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from classifier.backbone import calibration_images
from stages.export.export_format import ExportFormat
from stages.export.models import TrainedClassifier

CALIBRATION_IMAGES = 100  # that int8 is calibrated on
EXAMPLE = """import json, numpy as np, tensorflow as tf
from PIL import Image, ImageOps
image = ImageOps.exif_transpose(Image.open("image.jpg")).convert("RGB")
image = image.resize(($width, image.height), 2).resize(($width, $height), 2)
run = tf.lite.Interpreter("$path").get_signature_runner()
(probabilities,) = run(pixels=np.asarray(image)[None]).values()
print(dict(zip(json.load(open("labels.json")), probabilities[0].tolist())))"""


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes a float32 .tflite file."""
    from classifier.inference.keras_backend import tf

    model = classifier.keras_model("uint8")
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def write_int8(classifier: TrainedClassifier, path: Path) -> None:
    """Writes a .tflite file with int8 weights and activations, calibrated on synthetic images."""
    from classifier.inference.keras_backend import tf

    model = classifier.keras_model("float32")
    size = model.input_shape[1:3]

    def images() -> Iterator[list[np.ndarray]]:
        for number in range(CALIBRATION_IMAGES):
            image = calibration_images.draw_image(number, *size)
            yield [image[None].astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    path.write_bytes(converter.convert())


FORMAT = ExportFormat(
    name="tflite",
    path="classifier.tflite",
    write=write,
    input="float32. Takes images of $width x $height pixels, which Pillow resizes first: "
    "TensorFlow Lite has no antialiased resizing.",
    example=EXAMPLE,
)
FORMAT_INT8 = ExportFormat(
    name="tflite_int8",
    path="classifier.int8.tflite",
    write=write_int8,
    input="int8, calibrated on synthetic images; probabilities have steps of 1/256. Takes images "
    "of $width x $height pixels, which Pillow resizes first.",
    example=EXAMPLE,
)
