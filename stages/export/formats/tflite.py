"""TensorFlow Lite, in float32 and in int8."""

import os
from functools import partial
from pathlib import Path

from stages.export.models import ExportFormat, Run, TrainedClassifier

CODE = """import tensorflow as tf
run = tf.lite.Interpreter("$path").get_signature_runner()
outputs = run(pixels=pixels[None])"""


def write(classifier: TrainedClassifier, path: Path, int8: bool = False) -> None:
    """Writes a .tflite file, computed in float32 or, from the network's int8 ranges, in int8."""
    from classifier.inference.keras_backend import tf

    model = classifier.keras_model("uint8", round_weights=int8)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path.write_bytes(converter.convert())


def load(path: Path) -> Run:
    """Returns the model in TensorFlow Lite, on all cores."""
    from classifier.common import cores
    from classifier.inference.keras_backend import tf

    threads = cores.limit() or os.cpu_count()
    run = tf.lite.Interpreter(str(path), num_threads=threads).get_signature_runner()
    return lambda pixels: run(pixels=pixels)


FORMAT = ExportFormat(
    name="tflite",
    path="classifier.tflite",
    write=write,
    load=load,
    input="Takes images of $width x $height pixels, resized as the pipeline does by `read_image`. "
    "In float32; int8 values are rounded to the same levels.",
    resizes=False,
    code=CODE,
)
FORMAT_INT8 = ExportFormat(
    name="tflite_int8",
    path="classifier.int8.tflite",
    write=partial(write, int8=True),
    load=load,
    input="The pipeline's own int8 network. Takes images of $width x $height pixels, resized as "
    "the pipeline does by `read_image`.",
    resizes=False,
    precision="int8",
    code=CODE,
)
