"""TensorFlow Lite, in float32 and in int8."""

from functools import partial
from pathlib import Path

import numpy as np

from classifier.backbone.calibration_images import draw_image
from stages.export.models import READ_IMAGE, ExportFormat, TrainedClassifier

CALIBRATION_IMAGES = 100  # that int8 is calibrated on
EXAMPLE = (
    READ_IMAGE
    + """import tensorflow as tf
image = read_image("image.jpg")
image = image.resize(($width, image.height), 2).resize(($width, $height), 2)
run = tf.lite.Interpreter("$path").get_signature_runner()
outputs = run(pixels=np.asarray(image)[None])
probabilities = outputs["probabilities"]
print("novelty:", float(outputs["novelty"][0]))
print(dict(zip(labels, probabilities[0].tolist())))"""
)


def write(classifier: TrainedClassifier, path: Path, int8: bool = False) -> None:
    """Writes a .tflite file, with float32 or int8 weights and activations."""
    from classifier.inference.keras_backend import tf

    model = classifier.keras_model("float32" if int8 else "uint8")
    size = model.input_shape[1:3]
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [draw_image(number, *size)[None].astype(np.float32)]
            for number in range(CALIBRATION_IMAGES)
        )
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
    write=partial(write, int8=True),
    input="int8, calibrated on synthetic images; probabilities have steps of 1/256. Takes images "
    "of $width x $height pixels, which Pillow resizes first.",
    example=EXAMPLE,
)
